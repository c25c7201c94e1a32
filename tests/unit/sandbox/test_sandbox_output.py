"""Comparing what a program wrote with what it should have written."""

from __future__ import annotations

import pytest

from qlayer.sandbox.base import OutputMatch
from qlayer.sandbox.warm.grade.output import Difference, first_difference

EXACT, LINES, TOKENS, NUMBERS = OutputMatch


@pytest.mark.parametrize(
    ("match", "expected", "got"),
    [
        (EXACT, b"", b""),
        (EXACT, b"\x00\xff", b"\x00\xff"),
        (LINES, b"a\nb", b"a  \nb\t\n\n\n"),
        (LINES, b"a\nb\n", b"a\r\nb\r\n"),
        (LINES, b"", b"\n \n"),
        (TOKENS, b"1 2\n3", b"1\n\n2 3\n"),
        (TOKENS, b"", b"  \n"),
        (NUMBERS, b"1 2", b"1.0000001 2e0"),
        (NUMBERS, b"0", b"-0.0"),
        (NUMBERS, b"1e300", b"1.0000005e300"),
        (NUMBERS, b"inf -inf nan", b"Infinity -INF NaN"),
        (NUMBERS, b"x 0.5", b"x .5"),
        (NUMBERS, b"9" * 500, b"9" * 500),
    ],
)
def test_met(match: OutputMatch, expected: bytes, got: bytes) -> None:
    assert first_difference(match, expected, got) is None


@pytest.mark.parametrize(
    ("match", "expected", "got", "difference"),
    [
        (EXACT, b"a", b"a\n", Difference(1, 2, "\n", None)),
        (EXACT, b"a\n", b"a", Difference(1, 2, None, "\n")),
        (EXACT, b"ab\ncd", b"ab\ncX", Difference(2, 2, "X", "d")),
        (EXACT, b"\xff", b"\xfe", Difference(1, 1, "\\xfe", "\\xff")),
        (LINES, b"a\nb", b"a\n b", Difference(2, 1, " b", "b")),
        (LINES, b"a\n\nb", b"a\nb", Difference(2, 1, "b", "")),
        (LINES, b"a", b"a\nmore", Difference(2, 1, "more", None)),
        (TOKENS, b"1 2 3", b"1 2", Difference(1, 4, None, "3")),
        (TOKENS, b"1 2", b"1\n 2 3", Difference(2, 4, "3", None)),
        (TOKENS, b"1 2", b"1 2.0", Difference(1, 3, "2.0", "2")),
        (NUMBERS, b"1 2", b"1 2.1", Difference(1, 3, "2.1", "2")),
        (NUMBERS, b"10", b"1_0", Difference(1, 1, "1_0", "10")),
        (NUMBERS, b"inf", b"1e999", Difference(1, 1, "1e999", "inf")),
        (NUMBERS, b"nan", b"1", Difference(1, 1, "1", "nan")),
        (NUMBERS, b"one", b"1", Difference(1, 1, "1", "one")),
    ],
)
def test_the_first_difference(
    match: OutputMatch, expected: bytes, got: bytes, difference: Difference
) -> None:
    assert first_difference(match, expected, got) == difference


def test_finite_numbers_beyond_a_float_are_not_all_infinite() -> None:
    assert first_difference(NUMBERS, b"9" * 400, b"8" * 400) is not None
    assert first_difference(NUMBERS, b"2e400", b"3e400") is not None


@pytest.mark.parametrize("match", list(OutputMatch))
def test_one_wrong_byte_at_the_end_of_much_is_found(match: OutputMatch) -> None:
    many = b"12345 67890\n" * 200_000
    found = first_difference(match, many + b"1", many + b"2")
    assert found is not None and (found.line, found.column) == (200_001, 1)


@pytest.mark.parametrize("match", list(OutputMatch))
def test_one_endless_line_is_compared_and_shown_trimmed(match: OutputMatch) -> None:
    found = first_difference(match, b"a" * 3_000_000, b"b" * 3_000_000)
    assert found is not None and found.got == "b" * 40 + "..."
