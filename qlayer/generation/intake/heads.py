"""The head of the function that a request asks for.

It may stand in a whole module (a HumanEval prompt: imports, finished helpers, then a head with a docstring),
in a code fence, on a line of its own, or inline as ``add(a, b) -> int``. What
precedes it in its block of code is kept as the signature's preamble.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import textwrap
from dataclasses import dataclass

from qlayer.errors import InputError
from qlayer.generation.edits import FUNCTIONS, Function, first_line, is_stub, last_line
from qlayer.generation.intake.page import Span, balanced_end
from qlayer.types.spec import Signature

_FENCE = re.compile(
    r"^[ \t]*```[ \t]*(?:python|py|python3)?[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.M | re.S | re.I
)
_CODE_START = re.compile(r"^(?:from\s+\S+\s+import\b|import\s+\w|(?:async\s+)?def\s+\w|class\s+\w|@\w)", re.M)
_DEF = re.compile(r"\b(?:async[ \t]+)?def[ \t]+[A-Za-z_]\w*[ \t]*\(")
_INLINE = re.compile(r"(?<![\w.])(?P<name>[A-Za-z_]\w*)\(")
_RETURNS = re.compile(r"[ \t]*->[ \t]*")
_NAMED = re.compile(
    r"\b(?:functions?|def|called|named|signature|implement|write|create|define|method)\b", re.I
)

_QUOTES = re.compile(r"[A-Za-z]*('{3}|\"{3}|'|\")")
_TYPE = re.compile(r"[A-Za-z_][\w.]*(?:\[[^\n`]*\])?(?: *\| *[A-Za-z_][\w.]*(?:\[[^\n`]*\])?)*")


MAX_FUNCTIONS = 8
"""Unfinished functions of one request."""


@dataclass(frozen=True)
class Head:
    """A signature with the parts of the page that are its code; its docstring stays prose."""

    signature: Signature
    spans: tuple[Span, ...]
    helpers: tuple[Signature, ...] = ()
    """Further unfinished functions of the block: they stand above the one that is asked for, the last."""
    block: Span = (0, 0)
    """The code that it was found in, docstrings included."""


def find_head(page: str) -> Head | None:
    """The asked-for function's head, or None. Raises `InputError` when several functions are asked for."""
    for start, end in _code_regions(page):
        head = _from_code(page, start, end)
        if head is not None:
            return head
    return _from_line(page) or _from_inline(page)


def head_of(function: Function, name: str | None = None) -> str:
    """``def name(...) -> T`` without the colon."""
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    keyword = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    return f"{keyword} {name or function.name}({ast.unparse(function.args)}){returns}"


def _code_regions(page: str) -> list[Span]:
    fenced = [match.span(1) for match in _FENCE.finditer(page) if _DEF.search(match[1])]
    if fenced:
        return fenced
    start = _CODE_START.search(page)
    return [(start.start(), len(page))] if start and _DEF.search(page, start.start()) else []


def _from_code(page: str, start: int, end: int) -> Head | None:
    code = page[start:end]
    module = _parsed(code)
    if module is None:
        return None
    functions = [node for node in module.body if isinstance(node, Function)]
    open_ones = [node for node in functions if is_stub(node)]
    if len(open_ones) > MAX_FUNCTIONS:
        names = ", ".join(node.name for node in open_ones)
        raise InputError(
            f"the request asks for {len(open_ones)} functions ({names})",
            field="text",
            limit=f"{MAX_FUNCTIONS} functions a request",
            hint="send several requests, or finish the bodies of some",
        )
    if not functions:
        _refuse_classes(module)
        return None
    target = (open_ones or functions)[-1]
    lines = code.splitlines(keepends=True)
    platform = [node for node in module.body if node is not target and _is_code(node, target)]
    signature = _signature(target).model_copy(update={"preamble": _preamble(lines, platform)})
    helpers = [node for node in open_ones if node is not target]
    offsets = [start]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    spans = [
        (offsets[first_line(node) - 1], offsets[last_line(node)]) for node in platform if node not in helpers
    ]
    for node in (*helpers, target):
        spans += _without_docstring(page, offsets, node)
    return Head(signature, tuple(spans), tuple(map(_signature, helpers)), (start, end))


def _signature(function: Function) -> Signature:
    docstring = inspect.cleandoc(_docstring(function)).strip()
    return Signature(name=function.name, source=head_of(function), docstring=docstring)


def _refuse_classes(module: ast.Module) -> None:
    for node in module.body:
        if isinstance(node, ast.ClassDef) and any(
            isinstance(item, FUNCTIONS) and is_stub(item) for item in node.body
        ):
            raise InputError(
                f"the request asks for the class {node.name}; a request asks for one function",
                field="text",
                limit="1 function a request",
                hint="ask for the methods as functions that take and return plain values",
            )


def _is_code(node: ast.stmt, target: Function) -> bool:
    """Whether a statement is code that belongs to the function; below it ``Output: 3`` is prose."""
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return node.lineno < target.lineno
    return isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom))


def _preamble(lines: list[str], nodes: list[ast.stmt]) -> str:
    """Imports, finished functions, classes and constants of the block, with their comments inside."""
    parts = ["".join(lines[first_line(node) - 1 : last_line(node)]).rstrip() for node in nodes]
    pieces: list[str] = []
    for node, part in zip(nodes, parts, strict=True):
        gap = "\n\n\n" if isinstance(node, (*FUNCTIONS, ast.ClassDef)) else "\n"
        pieces.append((gap if pieces else "") + part)
    return "".join(pieces)


def _without_docstring(page: str, offsets: list[int], target: Function) -> tuple[Span, ...]:
    """The target's span without the inside of its docstring, which examples are read from."""
    start, end = offsets[first_line(target) - 1], offsets[min(last_line(target), len(offsets) - 1)]
    doc = _docstring_node(target)
    if doc is None:
        return ((start, end),)
    opening = _QUOTES.search(page, offsets[doc.lineno - 1])
    assert opening is not None
    return ((start, opening.end()), (page.rfind(opening[1], opening.end(), end), end))


def _parsed(code: str) -> ast.Module | None:
    """The code as a module; a bare head at its end gets an empty body."""
    code = textwrap.dedent(code)
    for completed in (code, code.rstrip() + "\n    ...\n", code.rstrip().rstrip(":") + ":\n    ...\n"):
        try:
            return ast.parse(completed)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def _docstring_node(function: Function) -> ast.Expr | None:
    """The first bare string of the body, even when imports stand before it."""
    for node in function.body:
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            return node
    return None


def _docstring(function: Function) -> str:
    node = _docstring_node(function)
    return str(ast.literal_eval(node.value)) if node is not None else ""


def _from_line(page: str) -> Head | None:
    """``def add(a, b) -> int`` anywhere, with or without its colon."""
    for match in _DEF.finditer(page):
        head = _head_at(page, match.start(), match.end() - 1)
        if head is not None and not head.signature.source.partition("(")[2].startswith(("self", "cls")):
            return head
    return None


def _from_inline(page: str) -> Head | None:
    """``add(a: int, b: int) -> int`` in prose that says that it is asked for."""
    for match in _INLINE.finditer(page):
        before = page[max(0, match.start() - 60) : match.start()].rpartition("\n")[2]
        if hasattr(builtins, match["name"]) or not (_NAMED.search(before) or before.endswith("`")):
            continue
        head = _head_at(page, match.start(), match.end() - 1, prefix="def ")
        if head is not None:
            return head
    return None


def _head_at(page: str, start: int, bracket: int, prefix: str = "") -> Head | None:
    closed = balanced_end(page, bracket)
    if closed is None:
        return None
    arrow = _RETURNS.match(page, closed)
    end, head = closed, prefix + page[start:closed]
    if arrow is not None:
        kind = _TYPE.match(page, arrow.end())
        if kind is not None:
            end, head = kind.end(), f"{head} -> {kind[0]}"
    module = _parsed(head + ":")
    if module is None or not isinstance(module.body[0], Function):
        return None
    function = module.body[0]
    return Head(Signature(name=function.name, source=head_of(function)), ((start, end),))
