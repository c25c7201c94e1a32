"""Examples that are written as a call and its result.

``add(1, 2) == 3``, ``-> 3``, ``=> 3``, ``➞ 3``, ``returns 3``, ``should return 3``, ``# 3``,
``raises ValueError``, ``assert add(1, 2) == 3``; alone on a line, in a list, in a code span or in a sentence.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qlayer.generation.intake.literals import NotPlain, fold, value_text
from qlayer.generation.intake.page import Findings, balanced_end, line_end, line_of, refuse
from qlayer.generation.intake.results import read_exception, read_result
from qlayer.generation.intake.target import Target
from qlayer.types.spec import Example, Ignored

_CALL = re.compile(r"(?<![\w.\"'])([A-Za-z_]\w*)[ \t]?\(")
_RAISES = re.compile(
    r"`?[ \t]*(?:=>|->|➞|→)?[ \t]*(?:should|must|will|would)?[ \t]*(?:raises?|throws?)[ \t]*:?[ \t]*", re.I
)
_RELATION = re.compile(
    r"""`?[ \t]*(?P<comment>(?:\#|//)[ \t]*)?(?P<sign>
        (?P<python>==(?![=>]))|={2,3}>|=>|-{1,2}>|➞|→|⇒|↦|⟶|===|(?P<equation>=)(?!=)|:(?!=)
        |(?:should|must|will|would)[ \t]+(?:return|be|equal|give|yield)s?\b
        |(?:returns?|gives?|yields?|equals?|evaluates[ \t]+to|results?[ \t]+in)\b
        |(?P<identity>is)\b(?![ \t]+not\b)
    )?[ \t]*:?[ \t]*`?\n?[ \t]*""",
    re.X | re.I,
)
_ARROW = re.compile(r"[=-]{1,3}>|➞|→|⇒|↦|⟶")
_BULLET = re.compile(r"^[ \t]*(?:[-*+>]|\d+[.)])[ \t]+")
_ASSERTED = re.compile(r"\bassert[ \t]*\(?[ \t]*$")
_HARMLESS_BEFORE = re.compile(r"(?:^|[\s`.,:;>*|\])-]|(?:^|[^\w\])])\()$")
_REFUSING_WORD = re.compile(r"(?:\b(?:not|in|or|lambda|def|class|if|while|return)\s+|[-+/%<=]\s*)$")


@dataclass(frozen=True)
class Call:
    """A call in the page. Its `end` is the offset after the closing bracket."""

    name: str
    start: int
    end: int
    source: str


def read_calls(page: str, target: Target | None) -> Findings:
    """All examples of this form. Without a target the first function with a whole example becomes it."""
    found = Findings()
    formulas: list[Example] = []
    is_formula = False
    name = target.name if target else None
    after = 0
    for call in _calls(page):
        if call.start < after or (name is not None and call.name != name and not _foreign(page, call, name)):
            continue
        one = _read(page, call, target, name)
        if one is None:
            continue
        equation = _RELATION.match(page, call.end)
        if equation and equation["equation"]:
            formulas += one.examples
            is_formula = is_formula or (not one.examples and _symbolic(call))
        found += one
        after = max(end for _, end in one.spans)
        if one.examples and name is None:
            name = one.examples[0].function
    return _without_formulas(found, formulas) if is_formula else found


def _symbolic(call: Call) -> bool:
    """Whether an argument is a variable, as in ``tri(n) = tri(n - 1) + 1``."""
    try:
        node = ast.parse(call.source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return isinstance(node, ast.Call) and any(isinstance(item, (ast.Name, ast.BinOp)) for item in node.args)


def _without_formulas(found: Findings, formulas: list[Example]) -> Findings:
    """Beside ``tri(n) = ...`` a line ``tri(1) = 3`` may start the formula and not say what is returned."""
    ignored = [
        Ignored(
            line=item.line or 0,
            text=f"{item.function}{item.args} = {item.expected}",
            reason="it stands among formulas with '='; write '==' or '->' for what the function returns",
        )
        for item in formulas
    ]
    kept = tuple(item for item in found.examples if item not in formulas)
    return Findings(kept, (*found.ignored, *ignored), found.spans)


def arguments(
    call: str, names: Mapping[str, object] | None = None
) -> tuple[tuple[object, ...], dict[str, object]]:
    """The values that a call passes. Raises `NotPlain`."""
    try:
        node = ast.parse(call.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NotPlain("the call is not valid Python") from None
    if not isinstance(node, ast.Call):
        raise NotPlain("it is not a plain call")
    if any(isinstance(item, ast.Starred) for item in node.args) or any(
        item.arg is None for item in node.keywords
    ):
        raise NotPlain("the call unpacks arguments")
    keywords = {str(item.arg): fold(item.value, names) for item in node.keywords}
    return tuple(fold(item, names) for item in node.args), keywords


def example_of(
    function: str,
    given: tuple[tuple[object, ...], dict[str, object]],
    expected: str,
    *,
    line: int,
    raises: bool = False,
) -> Example:
    args, keywords = given
    return Example(
        function=function,
        args=value_text(args),
        kwargs=value_text(keywords),
        expected=expected,
        raises=raises,
        line=line,
    )


def _calls(page: str) -> Iterator[Call]:
    for match in _CALL.finditer(page):
        name = match[1]
        if keyword.iskeyword(name):
            continue
        end = balanced_end(page, match.end() - 1)
        if end is not None:
            yield Call(name, match.start(), end, page[match.start() : end])


def _foreign(page: str, call: Call, name: str) -> bool:
    """Whether a call of another function looks like an example, so that it must be reported."""
    if hasattr(builtins, call.name) and f"{name}(" not in call.source:
        return False
    relation = _RELATION.match(page, call.end)
    return relation is not None and bool(relation["python"] or _ARROW.match(relation["sign"] or ""))


def _read(page: str, call: Call, target: Target | None, name: str | None) -> Findings | None:
    before = _BULLET.sub("", page[page.rfind("\n", 0, call.start) + 1 : call.start])
    asserted = _ASSERTED.search(before)
    start = call.start - len(asserted[0]) if asserted else call.start
    relation = _RELATION.match(page, call.end)
    assert relation is not None
    raising = _RAISES.match(page, call.end)
    if not (relation["sign"] or relation["comment"] or raising or asserted):
        return None
    line = line_end(page, call.end)
    try:
        if name is not None and call.name != name:
            raise NotPlain(f"it calls {call.name}, the function is {name}")
        if not asserted and (not _HARMLESS_BEFORE.search(before) or _REFUSING_WORD.search(before)):
            raise NotPlain("the call is part of another expression")
        given = arguments(call.source)
        misfit = target.misfit(len(given[0]), given[1]) if target else None
        if misfit:
            raise NotPlain(misfit)
        example, end = _with_result(page, call, given, relation, raising)
    except NotPlain as error:
        return refuse(page, start, line, str(error)) if name or target or asserted else None
    return Findings(examples=(example,), spans=((start, end),))


def _with_result(
    page: str,
    call: Call,
    given: tuple[tuple[object, ...], dict[str, object]],
    relation: re.Match[str],
    raising: re.Match[str] | None,
) -> tuple[Example, int]:
    line = line_of(page, call.start)
    named = read_exception(page, raising.end() if raising else relation.end())
    if named is not None:
        return example_of(call.name, given, named[0], line=line, raises=True), named[1]
    if raising is not None:
        raise NotPlain("what it raises is not a built-in exception")
    exact = bool(relation["python"] or relation["identity"])
    result = read_result(page, relation.end(), exact=exact)
    return example_of(call.name, given, value_text(result.value), line=line), result.end
