"""Putting a model's function into its place in the project, and reading it back.

The platform owns everything but the function's body: decorators, head and docstring of the skeleton stay,
and so does every other byte of the file. Imports and helpers that the model added go where they belong.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable

from qlayer.errors import InputError
from qlayer.generation.base import Slot
from qlayer.generation.context import context_names
from qlayer.generation.edits import (
    Edit,
    Function,
    apply,
    bound_names,
    docstring_node,
    find_function,
    first_line,
    head_end,
    last_line,
    line_starts,
    lines_in_strings,
    segment,
)
from qlayer.types.source import SourceTree

_IMPORTS = (ast.Import, ast.ImportFrom)


def fill(tree: SourceTree, slot: Slot, code: str) -> SourceTree:
    """A new tree in which the slot's function has the body that `code` gives it.

    Fill from a tree where this slot is still the skeleton's, else helpers of an earlier filling stay behind.
    Raises `InputError` when the code does not define the function or the tree has no such slot.
    """
    source = tree.text(slot.path)
    module = ast.parse(source)
    place = find_function(module, slot.name)
    if place is None:
        raise InputError(f"{slot.path} has no function {slot.name}", field="slot")
    code = _with_own_helpers(code, module, slot)
    given = ast.parse(code)
    function = find_function(given, slot.name.rpartition(".")[2])
    if function is None:
        raise InputError(f"the code does not define {slot.name}", field="code")
    starts = line_starts(source)
    outermost = next(node for node in module.body if first_line(node) <= place.lineno <= last_line(node))
    helpers = [node for node in given.body if node is not function and not isinstance(node, _IMPORTS)]
    edits = [
        Edit(
            starts[place.lineno - 1],
            starts[last_line(place)],
            _function_text(source, place, code, function),
        ),
        *_import_edits(module, starts, [node for node in given.body if isinstance(node, _IMPORTS)]),
    ]
    kept = [node for node in helpers if not _is_platforms(node, slot) and not _is_there(node, module)]
    if kept:
        text = "".join(segment(code, node) + _gap(node) for node in kept)
        edits.append(Edit(starts[first_line(outermost) - 1], starts[first_line(outermost) - 1], text))
    return tree.with_files({slot.path: apply(source, _merged(edits))})


def read(tree: SourceTree, slot: Slot) -> str:
    """The slot's function as it stands in the tree, dedented, without its decorators."""
    source = tree.text(slot.path)
    function = find_function(ast.parse(source), slot.name)
    if function is None:
        raise InputError(f"{slot.path} has no function {slot.name}", field="slot")
    lines = source.split("\n")[function.lineno - 1 : last_line(function)]
    return textwrap.dedent("\n".join(lines)) + "\n"


def _function_text(source: str, place: Function, code: str, function: Function) -> str:
    """The skeleton's head and docstring with the model's body, at the skeleton's indentation."""
    pad = " " * place.col_offset
    body = function.body[1:] if docstring_node(function) else function.body
    if not body:
        body_text = f"{pad}    pass\n"
    elif body[0].lineno == function.lineno:
        body_text = "".join(f"{pad}    {ast.unparse(node)}\n" for node in body)
    else:
        doc = docstring_node(function)
        start = (last_line(doc) if doc else head_end(code, function)) + 1
        body_text = _moved(code, start, last_line(function), body[0].col_offset, f"{pad}    ")
    if _parameters(function) == _parameters(place) and type(function) is type(place):
        head = _moved(source, place.lineno, head_end(source, place), 0, "")
    else:
        head = _moved(code, function.lineno, head_end(code, function), 0, pad)
    doc = docstring_node(place)
    docstring = _moved(source, doc.lineno, last_line(doc), 0, "") if doc else ""
    decorated = not place.decorator_list and function.decorator_list
    decorators = _moved(code, first_line(function), function.lineno - 1, 0, pad) if decorated else ""
    return decorators + head + docstring + body_text


def _moved(source: str, start: int, end: int, old: int, pad: str) -> str:
    """Lines `start` to `end` with `old` columns of indentation replaced by `pad`, except inside strings."""
    inside = lines_in_strings(source)
    moved = []
    for number, line in enumerate(source.split("\n")[start - 1 : end], start):
        if number not in inside and line.strip():
            line = pad + line[min(old, len(line) - len(line.lstrip())) :]
        moved.append(line + "\n")
    return "".join(moved)


def _parameters(function: Function) -> tuple[tuple[str, ...], int, int]:
    given = function.args
    names = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    names += [item for item in (given.vararg, given.kwarg) if item is not None]
    return tuple(item.arg for item in names), len(given.posonlyargs), len(given.kwonlyargs)


def _import_edits(module: ast.Module, starts: list[int], imports: Iterable[ast.stmt]) -> list[Edit]:
    """One insertion after the file's imports (after its docstring when it has none) with what is new."""
    present = {line for node in module.body for line in import_lines(node)}
    wanted = [line for node in imports for line in import_lines(node) if line not in present]
    futures = list(dict.fromkeys(line for line in wanted if line.startswith("from __future__")))
    others = sorted(dict.fromkeys(line for line in wanted if line not in futures))
    doc = [node for node in module.body[:1] if isinstance(node, ast.Expr)]
    top = starts[last_line(doc[0])] if doc else 0
    edits = [Edit(top, top, "\n" + "".join(line + "\n" for line in futures))] if futures else []
    if others:
        last = [node for node in module.body if isinstance(node, _IMPORTS)]
        at = starts[last_line(last[-1])] if last else top
        edits.append(Edit(at, at, ("" if last else "\n") + "".join(line + "\n" for line in others)))
    return edits


def import_lines(node: ast.stmt) -> list[str]:
    """One line a name, so that two ways to write the same import compare equal."""
    if isinstance(node, ast.Import):
        return [ast.unparse(ast.Import(names=[alias])) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [ast.unparse(ast.ImportFrom(node.module, [alias], node.level)) for alias in node.names]
    return []


def _is_platforms(node: ast.stmt, slot: Slot) -> bool:
    """Whether the model repeated something that the context shows: the platform's own stays."""
    names = bound_names([node]) if not hasattr(node, "name") else {node.name}
    return bool(names) and names <= context_names(slot)


def _is_there(node: ast.stmt, module: ast.Module) -> bool:
    return any(ast.dump(node) == ast.dump(other) for other in module.body)


def _with_own_helpers(code: str, module: ast.Module, slot: Slot) -> str:
    """Helpers whose name the file uses for something else get the slot's name in front."""
    given = ast.parse(code)
    own = slot.name.rpartition(".")[2]
    taken = bound_names(node for node in module.body if not isinstance(node, _IMPORTS)) - {own}
    edits: dict[str, str] = {}
    for node in given.body:
        name = getattr(node, "name", None)
        if name in taken and name != own and not _is_platforms(node, slot) and not _is_there(node, module):
            edits[name] = f"_{own}_{name}"
    for old, new in edits.items():
        code = re.sub(rf"(?<![\w.\"']){re.escape(old)}\b", new, code)
    return code


def _gap(node: ast.stmt) -> str:
    return "\n\n\n" if hasattr(node, "name") else "\n\n"


def _merged(edits: list[Edit]) -> list[Edit]:
    """Insertions at one place become one, in the order given."""
    merged: dict[tuple[int, int], str] = {}
    for edit in edits:
        merged[edit.start, edit.end] = merged.get((edit.start, edit.end), "") + edit.text
    return [Edit(start, end, text) for (start, end), text in merged.items()]
