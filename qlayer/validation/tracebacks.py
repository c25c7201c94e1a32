"""A traceback as short as it can be without losing what a fixer needs: the program's own frames, each once.

Frames of the interpreter, of libraries and of the platform are left out (their paths are absolute; those of
the program are relative), and rounds of a recursion are told once with their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_HEADER = re.compile(r'  File "(?P<path>[^"]*)", line \d+, in .*')
_REPEATED = re.compile(r"  \[Previous line repeated \d+ more times?\]")
_LONGEST_ROUND = 4
"""Functions that call each other in a circle."""
_TOLD_FROM = 3
"""Rounds; fewer are shorter to show than to count."""


class Block(NamedTuple):
    """A frame with its source lines, or (path None) a line that belongs to none."""

    lines: tuple[str, ...]
    path: str | None = None


def tidy(text: str) -> str:
    """The same traceback, shorter. Text that is no traceback of Python's is given back as it is."""
    blocks = list(_blocks(text.splitlines()))
    own = [block for block in blocks if block.path is None or _is_own(block.path)]
    if not any(block.path for block in own):
        return text
    lines = [line for block in _collapsed(own) for line in block.lines]
    return "\n".join(lines) + ("\n" if text.endswith("\n") else "")


def _blocks(lines: list[str]) -> Iterator[Block]:
    at = 0
    while at < len(lines):
        header = _HEADER.fullmatch(lines[at])
        end = at + 1
        if header is not None:
            while end < len(lines) and (lines[end].startswith("    ") or _REPEATED.fullmatch(lines[end])):
                end += 1
        yield Block(tuple(lines[at:end]), header["path"] if header is not None else None)
        at = end


def _is_own(path: str) -> bool:
    return not path.startswith(("/", "<"))


def _collapsed(blocks: list[Block]) -> Iterator[Block]:
    at = 0
    while at < len(blocks):
        length, rounds = _round_at(blocks, at)
        yield from blocks[at : at + length]
        if rounds > 1:
            what = "frame" if length == 1 else f"{length} frames"
            yield Block((f"  [the last {what} repeated {rounds - 1} more times]",))
        at += length * rounds


def _round_at(blocks: list[Block], at: int) -> tuple[int, int]:
    """Length of the round of frames that begins here and how often it comes; (1, 1) where none does."""
    for length in range(1, _LONGEST_ROUND + 1):
        one = blocks[at : at + length]
        if len(one) < length or any(block.path is None for block in one):
            break
        rounds = 1
        while blocks[at + rounds * length : at + (rounds + 1) * length] == one:
            rounds += 1
        if rounds >= _TOLD_FROM:
            return length, rounds
    return 1, 1
