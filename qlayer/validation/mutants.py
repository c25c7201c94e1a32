"""Small wrong variants of a right program: what good tests must notice.

The operators are the classic ones (DeMillo, Lipton and Sayward 1978; the five that Offutt et al. 1996 found
sufficient, and two for Python): arithmetic, comparison, logic, constants, conditions, returned values and
dropped statements. A mutant differs from the program in exactly one place.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import TypeGuard

from qlayer.types.frozen import Frozen

MAX_MUTANTS = 60

_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_Replace = Callable[[ast.AST], Iterator[ast.AST]]


class Mutant(Frozen):
    """A variant of a program."""

    code: str
    operator: str
    line: int
    """1-based, in the original."""


def mutants(code: str, *, limit: int = MAX_MUTANTS, seed: int = 0) -> tuple[Mutant, ...]:
    """Different one-place variants of `code`, at most `limit` of them, drawn over the whole program.

    Each parses and differs from the program as a tree. Raises `SyntaxError` when the code does not parse.
    """
    module = ast.parse(code)
    original = ast.unparse(module)
    seen, found = {original}, []
    silent = {id(node.value) for node in ast.walk(module) if _is_docstring(node)}
    for node in ast.walk(module):
        if id(node) in silent:
            continue
        for operator, replacement in _replacements(node):
            text = _with(module, node, replacement)
            if text is not None and text not in seen:
                seen.add(text)
                found.append(Mutant(code=text + "\n", operator=operator, line=getattr(node, "lineno", 1)))
    if len(found) <= limit:
        return tuple(found)
    return tuple(sorted(Random(seed).sample(found, limit), key=lambda mutant: mutant.line))


def _replacements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for name, replace in _OPERATORS.items():
        for replacement in replace(node):
            yield name, replacement


def _arithmetic(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _ARITHMETIC:
        yield _changed(node, op=_ARITHMETIC[type(node.op)]())


def _comparison(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in _COMPARISONS.get(type(node.ops[0]), ()):
            yield _changed(node, ops=[other()])


def _logic(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BoolOp):
        yield _changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand


def _constant(node: ast.AST) -> Iterator[ast.AST]:
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
        if value != 0:
            yield ast.Constant(0)
    elif isinstance(value, str):
        yield ast.Constant(value + "x" if value == "" else "")


def _condition(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield _changed(node, test=ast.UnaryOp(op=ast.Not(), operand=node.test))
    if isinstance(node, ast.comprehension) and node.ifs:
        yield _changed(node, ifs=[])


def _returned(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield _changed(node, value=ast.Constant(None))


def _dropped(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield ast.Pass()
    if isinstance(node, ast.Break | ast.Continue):
        yield ast.Pass()


_OPERATORS: dict[str, _Replace] = {
    "arithmetic": _arithmetic,
    "comparison": _comparison,
    "logic": _logic,
    "constant": _constant,
    "condition": _condition,
    "returned value": _returned,
    "dropped statement": _dropped,
}


def _changed(node: ast.AST, **fields: object) -> ast.AST:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _with(module: ast.Module, place: ast.AST, replacement: ast.AST) -> str | None:
    """The program with one node replaced; None when that cannot be written down."""

    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return replacement if node is place else self.generic_visit(_shallow(node))

    try:
        return ast.unparse(ast.fix_missing_locations(Swap().visit(module)))
    except (ValueError, AttributeError, RecursionError):
        return None


def _shallow(node: ast.AST) -> ast.AST:
    """A copy whose lists are its own: the transformer writes into them."""
    other = copy.copy(node)
    for name, value in ast.iter_fields(node):
        if isinstance(value, list):
            setattr(other, name, list(value))
    return other


def _is_docstring(node: ast.AST) -> TypeGuard[ast.Expr]:
    """Whether this is a constant that stands alone: changing it changes nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
