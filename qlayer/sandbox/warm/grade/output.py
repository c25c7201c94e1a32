"""Is this output the expected one? A pure function of two byte strings, cheap on huge ones.

The answer names the first place where they differ. What was expected there is in the answer too, for callers
who judge by tests of their own; a verdict never shows it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from qlayer.sandbox.base import OutputMatch

TOLERANCE = 1e-6
"""Relative or absolute, for NUMBERS."""
_SHOWN = 40
_NUMBER = re.compile(rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,5})?|inf(?:inity)?|nan)", re.IGNORECASE)
_LONGEST_NUMBER = 300
"""Digits; longer ones must be equal as text, for no float holds them."""
_TOKEN = re.compile(rb"\S+")


class Difference(NamedTuple):
    """The first place where two outputs part."""

    line: int
    """1-based, in what the program wrote; so is the column (of bytes)."""
    column: int
    got: str | None
    """What stands there, trimmed; None: the output ends there."""
    expected: str | None
    """What should; None: the output should have ended."""


def first_difference(match: OutputMatch, expected: bytes, got: bytes) -> Difference | None:
    """None when `got` meets `expected`."""
    if got == expected:
        return None
    match match:
        case OutputMatch.EXACT:
            return _by_bytes(expected, got)
        case OutputMatch.LINES:
            return _by_lines(expected, got)
        case OutputMatch.TOKENS:
            return _by_tokens(expected, got, bytes.__eq__)
        case OutputMatch.NUMBERS:
            return _by_tokens(expected, got, _same_number)


def _by_bytes(expected: bytes, got: bytes) -> Difference:
    at = _common_prefix(expected, got)
    return _difference(got, at, _piece(got, at), _piece(expected, at))


def _common_prefix(one: bytes, other: bytes) -> int:
    """How many bytes are equal from the start; halving, so that the comparing is done by memcmp."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _by_lines(expected: bytes, got: bytes) -> Difference | None:
    wanted, lines = _lines(expected), _lines(got)
    if wanted == lines:
        return None
    for number, (want, line) in enumerate(itertools.zip_longest(wanted, lines), start=1):
        if want != line:
            column = 1 if want is None or line is None else _common_prefix(want, line) + 1
            return Difference(number, column, _shown(line), _shown(want))
    return None


def _lines(data: bytes) -> list[bytes]:
    lines = [line.rstrip() for line in data.split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _by_tokens(expected: bytes, got: bytes, same: Callable[[bytes, bytes], bool]) -> Difference | None:
    wanted, tokens = expected.split(), got.split()
    if wanted == tokens:
        return None
    for number, (want, token) in enumerate(itertools.zip_longest(wanted, tokens)):
        if want is None or token is None or not (want == token or same(want, token)):
            at = next(itertools.islice(_starts(got), number, None), len(got))
            return _difference(got, at, _shown(token), _shown(want))
    return None


def _starts(data: bytes) -> Iterator[int]:
    return (found.start() for found in _TOKEN.finditer(data))


def _same_number(expected: bytes, got: bytes) -> bool:
    if max(len(expected), len(got)) > _LONGEST_NUMBER:
        return False
    if not (_NUMBER.fullmatch(expected) and _NUMBER.fullmatch(got)):
        return False
    want, have = float(expected), float(got)
    if math.isnan(want) or math.isnan(have):
        return math.isnan(want) and math.isnan(have)
    if math.isinf(want) or math.isinf(have):
        # A finite number too large for a float is not infinity.
        return want == have and b"inf" in expected.lower() and b"inf" in got.lower()
    return math.isclose(want, have, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _difference(got: bytes, at: int, here: str | None, wanted: str | None) -> Difference:
    line = got.count(b"\n", 0, at) + 1
    return Difference(line, at - (got.rfind(b"\n", 0, at) + 1) + 1, here, wanted)


def _piece(data: bytes, at: int) -> str | None:
    """The rest of the line; a line break itself as such."""
    if at >= len(data):
        return None
    end = data.find(b"\n", at)
    return _shown(data[at : at + _SHOWN + 1] if end < 0 else data[at : max(end, at + 1)])


def _shown(data: bytes | None) -> str | None:
    if data is None:
        return None
    text = data[:_SHOWN].decode("utf-8", "backslashreplace")
    return text if len(data) <= _SHOWN else text + "..."
