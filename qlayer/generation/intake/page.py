"""The request as a page of text, and what a reader found on it.

Readers never change line numbers: what one has understood is blanked out (newlines stay), so that the next
reader does not see it again and still reports true lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from qlayer.types.spec import Example, Ignored

Span = tuple[int, int]
"""Start and end offset in the page, end exclusive."""

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_MARKS = re.compile(r"[()\[\]{}\"']")
MAX_IGNORED_CHARS = 160
MAX_NESTING = 100


@dataclass(frozen=True)
class Findings:
    """What one reader understood, what it refused with the reason, and which parts of the page that were."""

    examples: tuple[Example, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    spans: tuple[Span, ...] = ()

    def __add__(self, other: Findings) -> Findings:
        return Findings(
            self.examples + other.examples, self.ignored + other.ignored, self.spans + other.spans
        )


def blank(page: str, spans: Iterable[Span]) -> str:
    """The page with these parts replaced by spaces; newlines and offsets stay."""
    chars = list(page)
    for start, end in spans:
        chars[start:end] = ["\n" if ch == "\n" else " " for ch in chars[start:end]]
    return "".join(chars)


def line_of(page: str, offset: int) -> int:
    """The 1-based line of an offset."""
    return page.count("\n", 0, offset) + 1


def line_end(page: str, offset: int) -> int:
    end = page.find("\n", offset)
    return len(page) if end < 0 else end


def refuse(page: str, start: int, end: int, reason: str) -> Findings:
    """Findings with one refused example."""
    shown = " ".join(page[start:end].split())[:MAX_IGNORED_CHARS]
    return Findings(
        ignored=(Ignored(line=line_of(page, start), text=shown, reason=reason),), spans=((start, end),)
    )


def balanced_end(text: str, start: int) -> int | None:
    """The offset after the bracket that closes the one at `start`; None when it never closes.

    Brackets inside string literals do not count; a string ends at its line at the latest. Nesting beyond
    `MAX_NESTING` counts as never closed.
    """
    stack: list[str] = []
    mark = _MARKS.search(text, start)
    while mark is not None and len(stack) <= MAX_NESTING:
        ch, after = mark[0], mark.end()
        if ch in "\"'":
            end = string_end(text, mark.start())
            if end is None:
                return None
            after = end
        elif ch in _CLOSING:
            stack.append(_CLOSING[ch])
        elif not stack or stack.pop() != ch:
            return None
        elif not stack:
            return after
        mark = _MARKS.search(text, after)
    return None


def string_end(text: str, start: int) -> int | None:
    """The offset after the string literal whose quote is at `start`; None when its line ends first."""
    quote = text[start]
    at = start + 1
    while at < len(text) and text[at] != "\n":
        if text[at] == "\\":
            at += 2
        elif text[at] == quote:
            return at + 1
        else:
            at += 1
    return None
