"""Mechanical fixes that people taught: read off a correction, and made again in later programs.

A fix counts as mechanical when making it in the wrong program gives exactly the right one (docstrings and
layout aside), and when nothing in it depends on the program's own variables: a missing import, a method or
function of another name, one expression for another. Off-by-one errors and the like are never mechanical.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection

from qlayer.generation.base import Slot
from qlayer.generation.context import context_names
from qlayer.generation.edits import FUNCTIONS, Edit, apply, bound_names, docstring_node, line_starts, parse
from qlayer.generation.splice import import_lines
from qlayer.types.memory import MechanicalFix, Replacement, Rule

MAX_REPLACEMENTS = 2
"""Different replacements in one fix; an edit with more is a rewrite."""

_IMPORTS = (ast.Import, ast.ImportFrom)


def fix_between(wrong: str, right: str) -> MechanicalFix | None:
    """The mechanical fix that turns `wrong` into `right`; None when there is none."""
    old, new = parse(wrong), parse(right)
    if old is None or new is None:
        return None
    swaps = _differences(_bare(old), _bare(new))
    if swaps is None:
        return None
    fix = MechanicalFix(
        imports=tuple(sorted(_imports(new) - _imports(old))), replacements=tuple(dict.fromkeys(swaps))
    )
    made = apply_fix(wrong, fix) if len(fix.replacements) <= MAX_REPLACEMENTS else None
    result = parse(made) if made is not None else None
    if result is None or ast.dump(_bare(result)) != ast.dump(_bare(new)):
        return None
    return fix if _imports(new) <= _imports(result) else None


def apply_fix(code: str, fix: MechanicalFix, known: Collection[str] = ()) -> str | None:
    """The code with the fix made wherever it applies; None when it applies nowhere.

    `known` are names that exist without being imported.
    """
    module = parse(code)
    if module is None:
        return None
    fixed = apply(code, _edits(code, module, fix.replacements))
    changed = parse(fixed)
    if changed is None:
        return None
    used = {node.id for node in ast.walk(changed) if isinstance(node, ast.Name)}
    lacking = used - bound_names(changed.body) - _own_names(changed) - set(known)
    lines = [line for line in fix.imports if bound_names(ast.parse(line).body) & lacking]
    gap = "\n\n" if lines and not isinstance(changed.body[0], _IMPORTS) else ""
    fixed = "".join(f"{line}\n" for line in lines) + gap + fixed
    return fixed if fixed != code else None


def learned_fix(rule: Rule) -> Callable[[str, Slot], str | None]:
    """A rule as one of the automatic fixes, under the rule's id."""

    def fix(code: str, slot: Slot) -> str | None:
        return apply_fix(code, rule.fix, context_names(slot))

    fix.__name__ = rule.id
    return fix


def _differences(old: ast.AST, new: ast.AST) -> list[Replacement] | None:
    """What stands in `new` for what in `old`, as small as possible; None when they differ in structure."""
    if ast.dump(old) == ast.dump(new):
        return []
    if isinstance(old, ast.Name) and isinstance(new, ast.Name):
        return [Replacement(kind="name", wrong=old.id, right=new.id)]
    if isinstance(old, ast.Attribute) and isinstance(new, ast.Attribute) and _same(old.value, new.value):
        return [Replacement(kind="attribute", wrong=old.attr, right=new.attr)]
    inside = _inside(old, new) if type(old) is type(new) else None
    if inside is None and isinstance(old, ast.expr) and isinstance(new, ast.expr):
        return [Replacement(kind="expression", wrong=ast.unparse(old), right=ast.unparse(new))]
    return inside


def _inside(old: ast.AST, new: ast.AST) -> list[Replacement] | None:
    """The differences of the children; None when they do not stand one for one."""
    found: list[Replacement] = []
    for (_, was), (_, now) in zip(ast.iter_fields(old), ast.iter_fields(new), strict=True):
        olds, news = (value if isinstance(value, list) else [value] for value in (was, now))
        if len(olds) != len(news):
            return None
        for one, other in zip(olds, news, strict=True):
            if not isinstance(one, ast.AST) or not isinstance(other, ast.AST):
                if one != other:
                    return None
                continue
            below = _differences(one, other)
            if below is None:
                return None
            found += below
    return found


def _edits(code: str, module: ast.Module, replacements: tuple[Replacement, ...]) -> list[Edit]:
    starts, own = line_starts(code), _own_names(module)
    edits: list[Edit] = []
    for node in ast.walk(module):  # outer nodes come before inner ones
        swap = next((swap for swap in replacements if _matches(node, swap, own)), None)
        if swap is None or not isinstance(node, ast.expr):
            continue
        assert node.end_lineno is not None and node.end_col_offset is not None
        end = starts[node.end_lineno - 1] + node.end_col_offset
        start = starts[node.lineno - 1] + node.col_offset
        if swap.kind == "attribute":
            start = end - len(swap.wrong.encode())
        if all(end <= edit.start or edit.end <= start for edit in edits):
            edits.append(Edit(start, end, swap.right))
    return edits


def _matches(node: ast.AST, swap: Replacement, own: set[str]) -> bool:
    """Whether this is the wrong piece, and none of the program's own variables is in it."""
    if swap.kind == "attribute":
        return isinstance(node, ast.Attribute) and node.attr == swap.wrong
    if swap.kind == "name":
        return isinstance(node, ast.Name) and node.id == swap.wrong and node.id not in own
    if not isinstance(node, ast.expr) or ast.unparse(node) != swap.wrong:
        return False
    names = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
    return bool(names) and not names & own


def _own_names(module: ast.Module) -> set[str]:
    """The program's own functions, variables and parameters; what it imports is not its own."""
    nodes = list(ast.walk(module))
    imported = bound_names(node for node in nodes if isinstance(node, _IMPORTS))
    return bound_names(module.body) - imported | {node.arg for node in nodes if isinstance(node, ast.arg)}


def _bare(module: ast.Module) -> ast.Module:
    """A copy without imports at the margin and without docstrings."""
    copy = ast.parse(ast.unparse(module))
    copy.body = [node for node in copy.body if not isinstance(node, _IMPORTS)]
    for node in ast.walk(copy):
        if isinstance(node, FUNCTIONS) and docstring_node(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return copy


def _imports(module: ast.Module) -> set[str]:
    return {line for node in module.body for line in import_lines(node)}


def _same(one: ast.AST, other: ast.AST) -> bool:
    return ast.dump(one) == ast.dump(other)
