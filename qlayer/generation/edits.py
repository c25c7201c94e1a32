"""Edits of Python source by syntax-tree positions, so that everything else stays byte for byte."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_STRING_TOKENS = (tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING))


@dataclass(frozen=True)
class Edit:
    """Replace the bytes from `start` to `end` (offsets in the UTF-8 source) by `text`."""

    start: int
    end: int
    text: str


def apply(source: str, edits: Iterable[Edit]) -> str:
    """The source with all edits made. They must not overlap."""
    data = source.encode()
    for edit in sorted(edits, key=lambda item: item.start, reverse=True):
        data = data[: edit.start] + edit.text.encode() + data[edit.end :]
    return data.decode()


def line_starts(source: str) -> list[int]:
    """The byte offset of each line's start, and of the end, as `ast` counts lines."""
    starts = [0]
    for line in _lines(source):
        starts.append(starts[-1] + len(line.encode()))
    return starts


def parse(source: str) -> ast.Module | None:
    """The syntax tree, or None when the source does not parse (or is beyond what the parser bears)."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def first_line(node: ast.stmt) -> int:
    """The 1-based line where a statement starts, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(item.lineno for item in decorators)])


def last_line(node: ast.stmt) -> int:
    return node.lineno if node.end_lineno is None else node.end_lineno


def segment(source: str, node: ast.stmt) -> str:
    """A statement's lines, decorators included, without a newline at the end."""
    return "".join(_lines(source)[first_line(node) - 1 : last_line(node)]).rstrip("\n")


def without(source: str, nodes: Iterable[ast.stmt]) -> str:
    """The source without these statements' lines."""
    gone = {line for node in nodes for line in range(first_line(node), last_line(node) + 1)}
    return "".join(line for number, line in enumerate(_lines(source), 1) if number not in gone)


def functions_of(module: ast.Module) -> list[Function]:
    """The functions at the top level."""
    return [node for node in module.body if isinstance(node, FUNCTIONS)]


def find_function(module: ast.Module, qualified: str) -> Function | None:
    """The function of this qualified name (``Class.method``); the last one when it is defined twice."""
    *outer, name = qualified.split(".")
    body: list[ast.stmt] = module.body
    for part in outer:
        classes = [node for node in body if isinstance(node, ast.ClassDef) and node.name == part]
        if not classes:
            return None
        body = classes[-1].body
    return next((n for n in reversed(body) if isinstance(n, FUNCTIONS) and n.name == name), None)


def docstring_node(function: Function) -> ast.Expr | None:
    """The docstring's statement."""
    first = function.body[0] if function.body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return first
    return None


def is_stub(function: Function) -> bool:
    """Whether the body is only a docstring, imports, ``pass``, ``...`` or ``raise NotImplementedError``."""
    return all(
        isinstance(node, (ast.Pass, ast.Import, ast.ImportFrom))
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (
            isinstance(node, ast.Raise) and node.exc is not None and "NotImplemented" in ast.unparse(node.exc)
        )
        for node in function.body
    )


def head_end(source: str, function: Function) -> int:
    """The 1-based line on which the function's head ends. For a body on the same line: that line."""
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type == tokenize.NEWLINE and token.start[0] >= function.lineno:
            return token.start[0]
    raise AssertionError("unreachable: a function has a head")


def lines_in_strings(source: str) -> set[int]:
    """1-based numbers of the lines that begin inside a string literal. The source must parse."""
    inside: set[int] = set()
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type in _STRING_TOKENS:
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
    return inside


def bound_names(nodes: Iterable[ast.AST]) -> set[str]:
    """Names that statements bind: functions, classes, imports, assignments at any depth."""
    names: set[str] = set()
    for top in nodes:
        for node in ast.walk(top):
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return names


def _lines(source: str) -> list[str]:
    """Lines as `ast` counts them: only a newline ends one, not a form feed or a Unicode separator."""
    *whole, rest = source.split("\n")
    return [line + "\n" for line in whole] + ([rest] if rest else [])
