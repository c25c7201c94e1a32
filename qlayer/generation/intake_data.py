"""Reads examples of data before and after: an input table or JSON, and below it the output.

A block is a fence or a Markdown table; what it is for is said by the line above it ("Input", "`orders.csv`:",
"Output:", "becomes"). Tables of calls and results are left to `intake`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from qlayer.generation.naming import identifier
from qlayer.generation.templates.data import tables
from qlayer.types.frozen import Frozen
from qlayer.types.spec import Ignored
from qlayer.types.tool import Conversion, TableFile

_FENCE = re.compile(r"^\s*(```+|~~~+)\s*([\w+-]*)\s*$")
_ROW = re.compile(r"^\s*\|.*\|\s*$")
_RULE = re.compile(r"^[\s|:-]+$")
_OUTPUT = re.compile(
    r"\b(outputs?|expected|results?|becomes?|gives?|after|returns?|produces?|prints?|then)\b|->|=>|→", re.I
)
_INPUT = re.compile(r"\b(inputs?|given|from|source|before|with|for|when|data)\b", re.I)
_NAME = re.compile(r"\b([A-Za-z][\w-]*)\.(csv|json)\b")
_INPUT_FIRST = re.compile(r"^\W*(?:example\s*\d*\W*)?(?:inputs?|given|from|before)\b", re.I)


class DataParts(Frozen):
    """What a request says about data. All empty when it shows none."""

    conversions: tuple[Conversion, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    lines: tuple[int, ...] = ()
    """1-based numbers of the lines of the examples, labels included."""


class _Block(NamedTuple):
    start: int
    end: int
    label: str
    kind: str
    """Language of a fence, or ``table``."""
    text: str


def parse_data(text: str) -> DataParts:
    """All examples of data before and after. Never raises."""
    conversions: list[Conversion] = []
    ignored: list[Ignored] = []
    lines: set[int] = set()
    inputs: list[TableFile] = []
    seen: set[int] = set()
    for block in _blocks(text.split("\n")):
        role = _role(block.label, bool(inputs))
        if role is None:
            continue
        value = _file(block, len(inputs))
        if isinstance(value, str):
            ignored.append(Ignored(line=block.start, text=block.label[:160], reason=value))
            continue
        seen |= set(range(block.start, block.end + 1))
        if role == "input":
            inputs.append(value)
            continue
        reason = _misfit(inputs, value, conversions)
        if reason:
            ignored.append(Ignored(line=block.start, text=block.label[:160], reason=reason))
        else:
            conversions.append(Conversion(inputs=tuple(inputs), output=value, line=block.start))
            lines |= seen
        inputs, seen = [], set()
    return DataParts(conversions=tuple(conversions), ignored=tuple(ignored), lines=tuple(sorted(lines)))


def _blocks(lines: Sequence[str]) -> Iterator[_Block]:
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence:
            end = next((n for n in range(at + 1, len(lines)) if lines[n].strip() == fence[1]), len(lines))
            label, first = _label(lines, at)
            yield _Block(
                first + 1, min(end + 1, len(lines)), label, fence[2].lower(), "\n".join(lines[at + 1 : end])
            )
            at = end + 1
        elif _ROW.match(lines[at]) and at + 1 < len(lines) and _RULE.match(lines[at + 1]):
            end = next((n for n in range(at, len(lines)) if not _ROW.match(lines[n])), len(lines))
            label, first = _label(lines, at)
            yield _Block(first + 1, end, label, "table", "\n".join(lines[at:end]))
            at = end
        else:
            at += 1


def _label(lines: Sequence[str], at: int) -> tuple[str, int]:
    """The line that says what the block below it is, with its index; that of the block when there is none."""
    for number in range(at - 1, max(-1, at - 3), -1):
        text = lines[number].strip()
        if text and (_FENCE.match(text) or _ROW.match(text)):
            break
        if text:
            return text.strip("#* "), number
    return "", at


def _role(label: str, has_input: bool) -> Literal["input", "output"] | None:
    if _INPUT_FIRST.search(label):
        return "input"
    if has_input and _OUTPUT.search(label):
        return "output"
    if _NAME.search(label) or (_INPUT.search(label) and not _OUTPUT.search(label)):
        return "input"
    return None


def _file(block: _Block, place: int) -> TableFile | str:
    """The block as a file, or the reason why it is none."""
    named = _NAME.search(block.label)
    cells = [
        [cell.strip().strip("`") for cell in row.strip().strip("|").split("|")]
        for row in block.text.split("\n")
    ]
    if block.kind == "table":
        names, rows = cells[0], cells[2:]
        value: Any = tables.typed(names, rows)
        return TableFile(name=_name(named, "rows", place), format="csv", value=value, columns=tuple(names))
    text = block.text.strip()
    if block.kind == "json" or (text[:1] in ("[", "{") and block.kind != "csv"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            return f"it is not JSON: {error}"
        kind = "rows" if isinstance(value, list) else "data"
        return TableFile(name=_name(named, kind, place), format="json", value=value)
    widths = {line.count(",") for line in text.split("\n") if '"' not in line}
    if block.kind == "csv" or (text.count("\n") and len(widths) == 1 and widths != {0}):
        value = tables.read_csv(text)
        columns = tuple(name.strip() for name in text.split("\n")[0].split(","))
        return TableFile(name=_name(named, "rows", place), format="csv", value=value, columns=columns)
    return TableFile(name=_name(named, "text", place), format="text", value=block.text)


def _name(named: re.Match[str] | None, otherwise: str, place: int) -> str:
    return (identifier(named[1]) if named else "") or (otherwise if not place else f"{otherwise}{place + 1}")


def _misfit(inputs: Sequence[TableFile], output: TableFile, known: Sequence[Conversion]) -> str | None:
    if not inputs:
        return "there is no input above it"
    if all(one.format == "text" for one in inputs):
        return "its input is neither a table nor JSON"
    first = known[0] if known else None
    if first is not None and [one.format for one in first.inputs] != [one.format for one in inputs]:
        return "its inputs are not those of the first example"
    if first is not None and first.output.format != output.format:
        return "its output is not of the kind that the first example shows"
    return None
