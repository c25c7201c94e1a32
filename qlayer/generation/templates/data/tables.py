"""Reads and writes tables: CSV with a line of names at the top, or JSON.

A column of CSV holds numbers when every cell that is not empty reads as one (and none has a leading zero, as
postal codes have); its empty cells are None. All other columns hold text.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

_INT = re.compile(r"[+-]?(?:0|[1-9]\d*)")
_FLOAT = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")


def read(text: str, kind: str) -> Any:
    """The value in a text of this kind: `csv`, `json`, or `text` as it is."""
    if kind == "csv":
        return read_csv(text)
    return json.loads(text) if kind == "json" else text


def write(value: Any, kind: str, columns: Sequence[str] = ()) -> str:
    """The value as text. For CSV `columns` come first, in this order."""
    if kind == "csv":
        return write_csv(value, columns)
    return json.dumps(value, indent=2, ensure_ascii=False) if kind == "json" else str(value)


def read_csv(text: str) -> list[dict[str, Any]]:
    lines = csv.reader(io.StringIO(text.strip("\n")), skipinitialspace=True)
    filled = [[cell.strip() for cell in line] for line in lines if line]
    return typed(filled[0], filled[1:]) if filled else []


def typed(names: Sequence[str], lines: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Rows from cells of text. Cells that a line lacks are empty."""
    columns = []
    for place, _ in enumerate(names):
        cells = [line[place] if place < len(line) else "" for line in lines]
        columns.append(_column(cells))
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def write_csv(rows: Iterable[dict[str, Any]], columns: Sequence[str] = ()) -> str:
    kept = list(rows)
    names = list(dict.fromkeys([*columns, *(name for row in kept for name in row)]))
    shown = io.StringIO()
    writer = csv.DictWriter(shown, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in kept)
    return shown.getvalue().rstrip("\n")


def _cell(value: Any) -> Any:
    """A number without decimals is written without a point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _column(cells: list[str]) -> list[Any]:
    given = [cell for cell in cells if cell]
    if given and all(_INT.fullmatch(cell) for cell in given):
        return [int(cell) if cell else None for cell in cells]
    if given and all(_FLOAT.fullmatch(cell) for cell in given):
        return [float(cell) if cell else None for cell in cells]
    return list(cells)
