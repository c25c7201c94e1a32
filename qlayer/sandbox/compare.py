"""Does a returned value meet an expectation? Decided on the host, on plain values only.

Numbers compare as in Python (3 equals 3.0), except that a bool equals only a bool. Sequences must be of the
same type, so a tuple is no list; INCLUDES is about JSON and takes tuple and list as one.
"""

from __future__ import annotations

import math
from typing import Any

from qlayer.sandbox import wire
from qlayer.types.check import Comparison, Expectation

ABSOLUTE_SLACK = 1e-9
"""Allowed near zero, where a relative tolerance means nothing. Only with a tolerance above 0."""


def meets(expectation: Expectation, returned: object) -> bool:
    """Whether a value that was returned meets it. A RAISES expectation is never met by a value.

    Raises `wire.Malformed` when the expectation itself is not a literal.
    """
    if expectation.comparison is Comparison.RAISES:
        return False
    expected = wire.literal(expectation.value)
    return _Matcher(expectation).same(expected, returned)


class _Matcher:
    def __init__(self, expectation: Expectation) -> None:
        self.lenient = expectation.comparison is Comparison.INCLUDES
        self.rel_tol = expectation.rel_tol

    def same(self, expected: object, got: object) -> bool:
        if isinstance(expected, bool) or isinstance(got, bool):
            return expected is got
        if isinstance(expected, int | float | complex):
            return type(got) in (int, float, complex) and self._same_number(expected, got)
        if isinstance(expected, dict):
            return isinstance(got, dict) and self._same_dict(expected, got)
        if isinstance(expected, list | tuple):
            return self._same_sequence(expected, got)
        if isinstance(expected, set | frozenset):
            return type(expected) is type(got) and self._same_set(expected, got)
        return type(expected) is type(got) and expected == got

    def _same_number(self, expected: Any, got: Any) -> bool:
        both_nan = expected != expected and got != got
        if expected == got or both_nan:
            return True
        if isinstance(expected, complex) or isinstance(got, complex) or not self.rel_tol:
            return False
        try:
            return math.isclose(expected, got, rel_tol=self.rel_tol, abs_tol=ABSOLUTE_SLACK)
        except OverflowError:
            return False

    def _same_dict(self, expected: dict[object, object], got: dict[object, object]) -> bool:
        if not self.lenient and len(expected) != len(got):
            return False
        # Keys carry their type too: {True: x} is not {1: x}.
        kinds = {key: isinstance(key, bool) for key in got}
        return all(
            key in got and kinds[key] == isinstance(key, bool) and self.same(value, got[key])
            for key, value in expected.items()
        )

    def _same_sequence(self, expected: list[object] | tuple[object, ...], got: object) -> bool:
        if not isinstance(got, list | tuple) or len(expected) != len(got):
            return False
        if not self.lenient and type(expected) is not type(got):
            return False
        return all(self.same(a, b) for a, b in zip(expected, got, strict=True))

    def _same_set(self, expected: set[object] | frozenset[object], got: object) -> bool:
        assert isinstance(got, set | frozenset)
        return expected == got and {_typed(item) for item in expected} == {_typed(item) for item in got}


def _typed(item: object) -> tuple[bool, object]:
    return isinstance(item, bool), item
