"""What the words of a request say about legal inputs, beside its examples.

Values that stand in it (a call of the function under another name, a list, a quoted word, a number) and what
it demands of its arguments. A hint only steers what is drawn; none of it is ever a test.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from qlayer.types.frozen import Frozen

MAX_WORDS = 24
MAX_NUMBERS = 12
_LARGEST = 10_000
"""Larger numbers in a text are seldom boundaries, and slow programs count to them."""
_OPENING = re.compile(r"[\[({]")
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_QUOTED = re.compile(r"(?<!\w)(['\"`])([^'\"`\n]{1,20})\1(?!\w)")
_LISTED = re.compile(r"\b[A-Z][a-z]+(?:,\s+(?:and\s+)?[A-Z][a-z]+){2,}")
_NUMBER = re.compile(r"(?<![\w.])\d{1,5}(?![\w.]*\d)")
_POSITIVE = re.compile(r"\b(?:positive|natural)\s+(?:int|num|whole)|\bpositive (?:a|b|n|x)\b", re.I)
_NOT_NEGATIVE = re.compile(r"\bnon-?\s?negative\b", re.I)
_SORTED = re.compile(r"\b(?:sorted|ordered|ascending|increasing)\s+(?:list|array|tuple|sequence)", re.I)


class Hints(Frozen):
    """What a text says about inputs."""

    words: tuple[str, ...] = ()
    """Strings it names, for example the planets or file types that the function knows."""
    numbers: tuple[int, ...] = ()
    """Numbers it names: boundaries, as often as not."""
    least: int | None = None
    """The smallest legal integer; None: not said."""
    ascending: bool = False
    """Lists are said to be sorted."""


def read_hints(brief: str) -> Hints:
    """The hints in a text. Pure, and quick on any text."""
    words = [match[2] for match in _QUOTED.finditer(brief)]
    for match in _LISTED.finditer(brief):
        words += re.findall(r"[A-Z][a-z]+", match[0])
    numbers = (int(match[0]) for match in _NUMBER.finditer(brief))
    least = 1 if _POSITIVE.search(brief) else 0 if _NOT_NEGATIVE.search(brief) else None
    return Hints(
        words=tuple(dict.fromkeys(words))[:MAX_WORDS],
        numbers=tuple(dict.fromkeys(number for number in numbers if number <= _LARGEST))[:MAX_NUMBERS],
        least=least,
        ascending=_SORTED.search(brief) is not None,
    )


def mentioned(brief: str, arity: int) -> tuple[tuple[Any, ...], ...]:
    """Argument tuples that the text seems to show when it has no example that could be trusted.

    Calls with as many literal arguments come first; without any, the displays that stand in the text in turn.
    """
    literals = list(_literals(brief))
    calls = [value for value, called in literals if called and len(value) == arity]
    if calls or not arity:
        return tuple(calls)
    bare = [value for value, called in literals if not called and not isinstance(value, tuple)]
    if arity == 1:
        return tuple((value,) for value in bare if type(value) is type(bare[0]))
    return (tuple(bare[:arity]),) if len(bare) >= arity else ()


def _literals(brief: str) -> Iterator[tuple[Any, bool]]:
    """The outermost displays of the text as values, and whether each is what a call passes."""
    end = 0
    for match in _OPENING.finditer(brief):
        start = match.start()
        if start < end:
            continue
        close = _closing(brief, start)
        if close is None:
            continue
        called = match[0] == "(" and re.search(r"\w$", brief[max(0, start - 1) : start]) is not None
        text = brief[start:close]
        try:
            value = ast.literal_eval(f"({text[1:-1].strip().rstrip(',')},)" if called else text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
        end = close
        yield value, called


def _closing(text: str, start: int) -> int | None:
    """The offset after the bracket that closes the one at `start`; strings are passed over."""
    open_brackets: list[str] = []
    quote = ""
    for at in range(start, min(len(text), start + 2_000)):
        letter = text[at]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in _CLOSING:
            open_brackets.append(_CLOSING[letter])
        elif letter in "])}":
            if open_brackets.pop() != letter:
                return None
            if not open_brackets:
                return at + 1
    return None
