"""Examples in a Markdown table: a column with calls, or one column a parameter, and a column of results."""

from __future__ import annotations

import re
from collections.abc import Mapping

from qlayer.generation.intake.calls import arguments, example_of
from qlayer.generation.intake.literals import NotPlain, parse_value, value_text
from qlayer.generation.intake.page import Findings, Span, line_of, refuse
from qlayer.generation.intake.results import is_exception
from qlayer.generation.intake.target import Target

_TABLE = re.compile(
    r"^[ \t]*\|(?P<head>.+)\|[ \t]*\n[ \t]*\|[ \t:|-]+\|[ \t]*\n(?P<rows>(?:[ \t]*\|.*\|[ \t]*(?:\n|\Z))+)",
    re.M,
)
_RESULT = re.compile(r"^(?:expected|result|returns?|output|gives)\b", re.I)
_CALLS = re.compile(r"^(?:call|example|input|expression)s?\b", re.I)


def read_tables(page: str, target: Target | None) -> Findings:
    """All examples of this form. Tables about other things are left alone."""
    found = Findings()
    for table in _TABLE.finditer(page):
        columns = [_plain(cell) for cell in _cells(table["head"])]
        result = next((i for i, name in enumerate(columns) if _RESULT.match(name)), None)
        if result is None:
            continue
        start = table.start("rows")
        for row in table["rows"].splitlines(keepends=True):
            span = (start, start + len(row.rstrip("\n")))
            start += len(row)
            cells = [_plain(cell) for cell in _cells(row.strip().strip("|"))]
            if len(cells) == len(columns):
                found += _row(page, span, dict(zip(columns, cells, strict=True)), columns[result], target)
    return found


def _row(page: str, span: Span, row: Mapping[str, str], result: str, target: Target | None) -> Findings:
    call = next((text for name, text in row.items() if _CALLS.match(name) and "(" in text), None)
    try:
        if call is not None and re.match(r"[A-Za-z_]\w*\(", call):
            function, given = call.split("(")[0], arguments(call)
        elif target is not None and set(target.positional) <= set(row):
            function = target.name
            given = (tuple(parse_value(row[name]) for name in target.positional), {})
        else:
            return Findings()
        if target is not None and function != target.name:
            raise NotPlain(f"it calls {function}, the function is {target.name}")
        misfit = target.misfit(len(given[0]), given[1]) if target else None
        if misfit:
            raise NotPlain(misfit)
        raised = row[result].removeprefix("raises ").strip("` ")
        raises = is_exception(raised)
        expected = raised if raises else value_text(parse_value(row[result]))
    except NotPlain as error:
        return refuse(page, *span, str(error))
    example = example_of(function, given, expected, line=line_of(page, span[0]), raises=raises)
    return Findings(examples=(example,), spans=(span,))


def _cells(row: str) -> list[str]:
    """The cells; a ``\\|`` is a bar inside one."""
    return [cell.replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)]


def _plain(cell: str) -> str:
    return cell.strip().strip("`").strip()
