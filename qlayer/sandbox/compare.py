"""Does a returned value meet an expectation? Decided on the host, on plain values only.

Numbers compare as in Python, exactly and across types (3 equals 3.0, 0.0 equals -0.0, 2**53 + 1 does not
equal float(2**53)), except that a bool equals only a bool and NaN equals NaN. Sequences must be of the same
type, so a tuple is no list; INCLUDES is about JSON and takes tuple and list as one. The order of a dict or
set means nothing; keys and members compare as values do, but a tolerance never applies to them.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from qlayer.sandbox import wire
from qlayer.types.check import Comparison, Expectation

KEPT_CHARACTERS = 4_096
"""Longer literals are parsed anew each time."""
ABSOLUTE_SLACK = 1e-9
"""Allowed near zero, where a relative tolerance means nothing. Only with a tolerance above 0."""


def meets(expectation: Expectation, returned: object) -> bool:
    """Whether a value that was returned meets it. A RAISES expectation is never met by a value.

    Raises `wire.Malformed` when the expectation itself is not a literal.
    """
    if expectation.comparison is Comparison.RAISES:
        return False
    expected = _expected(expectation.value)
    return _Matcher(expectation).same(expected, returned)


def check_literal(text: str) -> None:
    """Raises `wire.Malformed` when the text is not a literal."""
    _expected(text)


def _expected(text: str) -> Any:
    return _kept(text) if len(text) <= KEPT_CHARACTERS else wire.literal(text)


@lru_cache(maxsize=1024)
def _kept(text: str) -> Any:
    """As many candidates are judged by the same cases. Nobody may change the value or pass it on."""
    return wire.literal(text)


class _Matcher:
    def __init__(self, expectation: Expectation) -> None:
        self.lenient = expectation.comparison is Comparison.INCLUDES
        self.rel_tol = expectation.rel_tol

    def same(self, expected: object, got: object) -> bool:
        # Most values are these; the rest of this method comes to the same for them.
        if type(expected) is str and type(got) is str:
            return expected == got
        if isinstance(expected, bool) or isinstance(got, bool):
            return expected is got
        if isinstance(expected, (int, float, complex)):
            return type(got) in (int, float, complex) and self._same_number(expected, got)
        if isinstance(expected, dict):
            return isinstance(got, dict) and self._same_dict(expected, got)
        if isinstance(expected, list | tuple):
            return self._same_sequence(expected, got)
        if isinstance(expected, set | frozenset):
            return type(expected) is type(got) and self._same_set(expected, got)
        return type(expected) is type(got) and expected == got

    def _same_number(self, expected: Any, got: Any) -> bool:
        if isinstance(expected, complex) or isinstance(got, complex):
            parts = zip(_parts(expected), _parts(got), strict=True)
            return all(self._same_number(want, have) for want, have in parts)
        both_nan = expected != expected and got != got
        if expected == got or both_nan:
            return True
        if not self.rel_tol:
            return False
        try:
            return math.isclose(expected, got, rel_tol=self.rel_tol, abs_tol=ABSOLUTE_SLACK)
        except OverflowError:
            return False

    def _same_dict(self, expected: dict[object, object], got: dict[object, object]) -> bool:
        if not self.lenient and len(expected) != len(got):
            return False
        # Keys carry their type too: {True: x} is not {1: x}.
        by_key = {_typed(key): value for key, value in got.items()}
        return all(
            _typed(key) in by_key and self.same(value, by_key[_typed(key)]) for key, value in expected.items()
        )

    def _same_sequence(self, expected: list[object] | tuple[object, ...], got: object) -> bool:
        if not isinstance(got, list | tuple) or len(expected) != len(got):
            return False
        if not self.lenient and type(expected) is not type(got):
            return False
        return all(self.same(a, b) for a, b in zip(expected, got, strict=True))

    def _same_set(self, expected: set[object] | frozenset[object], got: object) -> bool:
        assert isinstance(got, set | frozenset)
        return len(expected) == len(got) and {*map(_typed, expected)} == {*map(_typed, got)}


def _typed(item: object) -> object:
    """Equal for what counts as the same key: bools apart from numbers, NaN like NaN, at any depth."""
    if isinstance(item, bool):
        return "bool", item
    if isinstance(item, tuple):
        return "tuple", *map(_typed, item)
    if isinstance(item, frozenset):
        return "frozenset", frozenset(map(_typed, item))
    return ("nan",) if item != item else item


def _parts(number: complex) -> tuple[float, float]:
    # Not complex(number): an int may be too large for a float.
    return number.real, number.imag
