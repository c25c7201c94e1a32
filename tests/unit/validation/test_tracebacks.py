"""Tracebacks without what a fixer does not need."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from qlayer.validation.tracebacks import tidy

HEAD = "Traceback (most recent call last):"
LIBRARY = (
    '  File "/usr/lib/python3.11/json/decoder.py", line 337, in decode\n    obj, end = self.raw_decode(s)\n'
)


def frame(name: str, line: int = 1, path: str = "m.py") -> str:
    return f'  File "{path}", line {line}, in {name}\n    return {name}()\n           ^^^^^^\n'


def test_frames_that_are_not_the_programs_are_left_out() -> None:
    text = f"{HEAD}\n{frame('f')}{LIBRARY}{frame('x', path='<frozen codecs>')}ValueError: no\n"
    assert tidy(text) == f"{HEAD}\n{frame('f')}ValueError: no\n"


def test_a_traceback_of_nothing_else_is_kept() -> None:
    text = f"{HEAD}\n{LIBRARY}ValueError: no\n"
    assert tidy(text) == text


@pytest.mark.parametrize(
    "text", ["", "ValueError: no", "def test_f():\n>   assert 1 == 2\nE   assert 1 == 2\n"]
)
def test_what_is_no_traceback_is_kept(text: str) -> None:
    assert tidy(text) == text


def test_a_round_of_functions_is_told_once() -> None:
    text = f"{HEAD}\n{frame('start')}" + (frame("even") + frame("odd", 2)) * 400 + "RecursionError: deep\n"
    told = f"{HEAD}\n{frame('start')}{frame('even')}{frame('odd', 2)}"
    assert tidy(text) == told + "  [the last 2 frames repeated 399 more times]\nRecursionError: deep\n"


def test_two_rounds_are_shown_as_they_are() -> None:
    text = f"{HEAD}\n{frame('f') * 2}ValueError: no\n"
    assert tidy(text) == text


def test_pythons_own_count_of_repetitions_is_kept() -> None:
    text = f"{HEAD}\n{frame('f') * 3}  [Previous line repeated 987 more times]\nRecursionError: deep\n"
    assert "987" in tidy(text) and tidy(text).endswith("RecursionError: deep\n")


def test_chained_exceptions_keep_their_words() -> None:
    middle = "\nDuring handling of the above exception, another exception occurred:\n\n"
    text = f"{HEAD}\n{frame('f')}{LIBRARY}KeyError: 1\n{middle}{HEAD}\n{frame('g')}ValueError: no\n"
    assert tidy(text) == text.replace(LIBRARY, "")


def test_a_real_mutual_recursion_gets_short(tmp_path: Path) -> None:
    source = "def even(n):\n    return odd(n)\ndef odd(n):\n    return even(n)\n"
    space: dict[str, object] = {}
    exec(compile(source, "m.py", "exec"), space)
    try:
        space["even"](1)  # type: ignore[operator]
    except RecursionError:
        text = traceback.format_exc()
    short = tidy(text)
    assert len(text) > 20_000 and len(short) < 600
    assert "in even" in short and "in odd" in short and "repeated" in short and "RecursionError" in short
