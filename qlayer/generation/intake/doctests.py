"""Examples in the interpreter's notation: ``>>> add(1, 2)`` with the result on the next lines."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from qlayer.generation.intake.calls import arguments, example_of
from qlayer.generation.intake.literals import NotPlain, fold, parse_value, value_text
from qlayer.generation.intake.page import Findings, Span, line_of, refuse
from qlayer.generation.intake.results import is_exception
from qlayer.generation.intake.target import Target

_PROMPT = re.compile(r"^[ \t]*>>>[ \t]?(.*)$")
_CONTINUED = re.compile(r"^[ \t]*\.\.\.(?:[ \t](.*))?$")
_ENDS = re.compile(r"^[ \t]*(?:$|>>>|```|'''|\"\"\")")


@dataclass(frozen=True)
class _Session:
    """One prompt: the source after ``>>>``, the lines of output, and where they stand."""

    source: str
    want: str
    span: Span


def read_doctests(page: str, target: Target | None) -> Findings:
    """All examples of this form. Assignments of plain values are remembered for later calls."""
    found = Findings()
    names: dict[str, object] = {}
    name = target.name if target else None
    for session in _sessions(page):
        start, end = session.span
        line = line_of(page, start)
        try:
            if _assigns(session.source, names):
                found += Findings(spans=(session.span,))
                continue
            one = _read(session, target, name, names, line)
        except NotPlain as error:
            found += refuse(page, start, end, str(error))
            continue
        found += one
        name = name or one.examples[0].function
    return found


def _sessions(page: str) -> list[_Session]:
    sessions = []
    lines = page.splitlines(keepends=True)
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    at = 0
    while at < len(lines):
        prompt = _PROMPT.match(lines[at].rstrip("\n"))
        first, at = at, at + 1
        if prompt is None:
            continue
        source = [prompt[1]]
        while at < len(lines) and (more := _CONTINUED.match(lines[at].rstrip("\n"))):
            source.append(more[1] or "")
            at += 1
        want = []
        while at < len(lines) and not _ENDS.match(lines[at]):
            want.append(lines[at].strip())
            at += 1
        end = offsets[at] - (1 if lines[at - 1].endswith("\n") else 0)
        sessions.append(_Session("\n".join(source).strip(), "\n".join(want), (offsets[first], end)))
    return sessions


def _assigns(source: str, names: dict[str, object]) -> bool:
    """Remember ``xs = [1, 2]``; True when the source is an assignment or an import, with nothing to check."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if len(body) != 1:
        return False
    if isinstance(body[0], (ast.Import, ast.ImportFrom)):
        return True
    if not isinstance(body[0], ast.Assign) or not isinstance(body[0].targets[0], ast.Name):
        return False
    names[body[0].targets[0].id] = fold(body[0].value, names)
    return True


def _read(
    session: _Session, target: Target | None, name: str | None, names: dict[str, object], line: int
) -> Findings:
    call, compared = _call_of(session.source)
    assert isinstance(call.func, ast.Name)
    function = call.func.id
    if name is not None and function != name:
        raise NotPlain(f"it calls {function}, the function is {name}")
    given = arguments(ast.unparse(call), names)
    misfit = target.misfit(len(given[0]), given[1]) if target else None
    if misfit:
        raise NotPlain(misfit)
    if compared is not None:
        if session.want not in ("", "True"):
            raise NotPlain("it compares, and the result is not True")
        expected, raises = value_text(fold(compared, names)), False
    else:
        expected, raises = _wanted(session.want, target)
    example = example_of(function, given, expected, line=line, raises=raises)
    return Findings(examples=(example,), spans=(session.span,))


def _call_of(source: str) -> tuple[ast.Call, ast.expr | None]:
    """The call, and what it is compared with by ``==`` or ``is``."""
    try:
        node = ast.parse(source.removeprefix("assert "), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NotPlain("it is not one Python expression") from None
    compared: ast.expr | None = None
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], (ast.Eq, ast.Is)):
        compared = node.comparators[0]
        node = node.left
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise NotPlain("it is not a plain call")
    return node, compared


def _wanted(want: str, target: Target | None) -> tuple[str, bool]:
    """The expected value and whether it is an exception's name."""
    if want.startswith("Traceback"):
        name = want.rpartition("\n")[2].split(":")[0].strip()
        if not is_exception(name):
            raise NotPlain("what it raises is not a built-in exception")
        return name, True
    if not want:
        if target is not None and "None" not in target.returns and "Optional" not in target.returns:
            raise NotPlain("no result follows")
        return "None", False
    try:
        return value_text(parse_value(want)), False
    except NotPlain:
        first = want.split("\n")[0]
        if "\n" in want:
            return value_text(parse_value(first)), False
        raise
