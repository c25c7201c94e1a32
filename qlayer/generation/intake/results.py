"""The expected result that follows an arrow, an equals sign or a word like *returns*.

The result is the first whole value; what follows it must be the end of the line, a comment or prose. A chain
such as ``19 - 5 - 6 = 8`` is taken when all its parts come to the same value.
"""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass

from qlayer.generation.intake.literals import NotPlain, parse_value
from qlayer.generation.intake.page import balanced_end, line_end, string_end

_ATOM = re.compile(r"[+-]?[ \t]*(?:\d[\w.]*(?:[eE][+-]?\d+)?|\.\d+|[A-Za-z_][\w.]*)")
_AFTER = re.compile(
    r"[ \t]*[`)]*[ \t]*(?:$|[.;](?:\s|$)|,(?:[ \t]*$|[ \t]+[A-Za-z]{2})|\#|//|\(|--|–|—|"
    r"\b(?:and|but|while|because|since|as|for|when|where|so|if|raised|is raised)\b)",
    re.M,
)
_ASSERT_MESSAGE = re.compile(r"[ \t]*\)?[ \t]*,[ \t]*f?[\"']")
_CHAIN = re.compile(r"(?<![=!<>])={1,3}(?!=)")


@dataclass(frozen=True)
class Result:
    """A value and the offset where its text ends."""

    value: object
    end: int


def read_result(page: str, start: int, *, exact: bool) -> Result:
    """The value at `start`. `exact`: the notation is Python's own, so parentheses mean what Python says.

    Raises `NotPlain` with the reason.
    """
    end = value_end(page, start)
    if end is not None and (_AFTER.match(page, end) or (exact and _ASSERT_MESSAGE.match(page, end))):
        text = page[start:end]
        value = parse_value(text)
        if not exact and text.startswith("(") and not isinstance(value, tuple):
            raise NotPlain("a value alone in parentheses can be meant as a tuple; write (x,) or x")
        return Result(value, end)
    return _chained(page, start)


def read_exception(page: str, start: int) -> tuple[str, int] | None:
    """The name of a built-in exception at `start` (after an optional article) with its end."""
    match = re.compile(r"(?:an?[ \t]+|the[ \t]+)?`?([A-Za-z_]\w*)`?").match(page, start)
    if match is None or not is_exception(match[1]):
        return None
    return match[1], match.end()


def is_exception(name: str) -> bool:
    kind = getattr(builtins, name, None)
    return isinstance(kind, type) and issubclass(kind, Exception)


def value_end(page: str, start: int) -> int | None:
    """The offset after the value that starts here, by its outer form; None when none starts here."""
    ch = page[start : start + 1]
    if ch and ch in "([{":
        return balanced_end(page, start)
    prefix = re.compile(r"[rRbB]?(?=[\"'])").match(page, start)
    if prefix is not None:
        return string_end(page, prefix.end())
    if page.startswith(("set(", "float("), start):
        return balanced_end(page, page.index("(", start))
    atom = _ATOM.match(page, start)
    return start + len(atom[0].rstrip(".")) if atom else None


def _chained(page: str, start: int) -> Result:
    """``1 + 9 + 0 = 10``: every part must be the same value. A lone ``2 * 3`` is a chain of one."""
    end = line_end(page, start)
    text = page[start:end].split("#")[0].rstrip(" \t.;`")
    values = [parse_value(part) for part in _CHAIN.split(text)]
    if any(type(value) is not type(values[0]) or value != values[0] for value in values):
        raise NotPlain("the parts of the equation do not agree")
    if isinstance(values[0], tuple) and not text.startswith("("):
        raise NotPlain("a tuple must stand in parentheses")
    return Result(values[0], end)
