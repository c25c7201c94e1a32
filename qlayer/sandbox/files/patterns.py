"""Which files are asked for: paths, and globs with ``*``, ``?``, ``[...]`` in a name and ``**`` over folders.

As in a shell a name with a dot in front is matched only by a pattern that has the dot too.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from qlayer.types.source import check_path

MAX_PATTERNS = 256
_ANY_DEPTH = "**"
State = frozenset[tuple[int, int]]
"""Pattern and the place in it that the names so far have reached."""


class Pattern(NamedTuple):
    text: str
    parts: tuple[str, ...]

    @property
    def is_glob(self) -> bool:
        return any(mark in self.text for mark in "*?[")


def parse(texts: Iterable[str]) -> tuple[Pattern, ...]:
    """Raises ValueError for a pattern that no path inside a tree can match."""
    patterns = tuple(Pattern(text, tuple(check_path(text).split("/"))) for text in texts)
    if len(patterns) > MAX_PATTERNS:
        raise ValueError(f"at most {MAX_PATTERNS} outputs can be asked for, got {len(patterns)}")
    return patterns


def start(patterns: tuple[Pattern, ...]) -> State:
    """Before the first name. Paths without a mark are not in it: they are opened, not looked for."""
    return _spread(patterns, ((number, 0) for number, pattern in enumerate(patterns) if pattern.is_glob))


def step(patterns: tuple[Pattern, ...], state: State, name: str) -> State:
    """What is reached after one more name; empty when nothing below it can match."""
    reached = []
    for number, place in state:
        parts = patterns[number].parts
        if place == len(parts):
            continue
        if parts[place] == _ANY_DEPTH and not name.startswith("."):
            reached.append((number, place))
        elif parts[place] != _ANY_DEPTH and _matches(name, parts[place]):
            reached.append((number, place + 1))
    return _spread(patterns, reached)


def ended(patterns: tuple[Pattern, ...], state: State) -> frozenset[int]:
    """The patterns that the names so far match."""
    return frozenset(number for number, place in state if place == len(patterns[number].parts))


def _matches(name: str, part: str) -> bool:
    return name.startswith(".") == part.startswith(".") and fnmatchcase(name, part)


def _spread(patterns: tuple[Pattern, ...], reached: Iterable[tuple[int, int]]) -> State:
    """``**`` also stands for no folder at all."""
    found = set(reached)
    todo = list(found)
    while todo:
        number, place = todo.pop()
        parts = patterns[number].parts
        if place < len(parts) and parts[place] == _ANY_DEPTH and (number, place + 1) not in found:
            found.add((number, place + 1))
            todo.append((number, place + 1))
    return frozenset(found)
