"""Examples without a call: ``"1h30m" -> 5400``. They need a function of one argument."""

from __future__ import annotations

import re

from qlayer.generation.intake.calls import example_of
from qlayer.generation.intake.literals import NotPlain, parse_value, value_text
from qlayer.generation.intake.page import Findings, line_of, refuse
from qlayer.generation.intake.results import read_result, value_end
from qlayer.generation.intake.target import Target

_START = re.compile(
    r"(?:^[ \t]*(?:[-*+>][ \t]+|\d+[.)][ \t]+)?|[:;,(][ \t]+|\be\.g\.,?[ \t]+|\bexample,?[ \t]+)`?"
    r"(?=[\"'\[({\d+-])",
    re.M | re.I,
)
_ARROW = re.compile(r"`?[ \t]*(?:={1,3}>|-{1,2}>|➞|→|⇒|↦|⟶)[ \t]*`?")


def read_pairs(page: str, target: Target) -> Findings:
    """All examples of this form; nothing when the function cannot be called with one argument."""
    found = Findings()
    after = 0
    if target.misfit(1, ()) is not None:
        return found
    for match in _START.finditer(page):
        start = match.end()
        end = value_end(page, start) if start >= after else None
        arrow = _ARROW.match(page, end) if end is not None else None
        if end is None or arrow is None:
            continue
        one = _read(page, start, end, arrow.end(), target)
        found += one
        after = one.spans[0][1]
    return found


def _read(page: str, start: int, end: int, result_at: int, target: Target) -> Findings:
    try:
        value = parse_value(page[start:end])
        result = read_result(page, result_at, exact=False)
    except NotPlain as error:
        return refuse(page, start, result_at, str(error))
    line = line_of(page, start)
    example = example_of(target.name, ((value,), {}), value_text(result.value), line=line)
    return Findings(examples=(example,), spans=((start, result.end),))
