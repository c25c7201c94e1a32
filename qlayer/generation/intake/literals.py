"""Python values written as text: what may become the argument or the result of a trusted example.

Only plain values pass (numbers, strings, bytes, None, lists, tuples, dicts, sets), with a little constant
arithmetic such as ``[1] * 3`` or ``2 ** 10``. Nothing is ever executed.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

MAX_ITEMS = 10_000
"""Longest sequence or string that constant folding may build."""
MAX_BITS = 4_096
"""Largest integer, in bits, that constant folding may build."""
MAX_WRITTEN_BITS = 14_000
"""Python writes integers of at most 4,300 digits."""
MAX_DEPTH = 32
"""Containers inside containers. At twice as many a value no longer crosses into the sandbox."""
MAX_SIZE = 100_000
"""Items and characters of one value together; so much of them crosses into the sandbox."""

_SPELLINGS: Mapping[str, object] = {"true": True, "false": False, "null": None, "none": None}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


class NotPlain(ValueError):
    """The text is not a plain value; the message says why, as a clause."""


def parse_value(text: str, names: Mapping[str, object] | None = None) -> object:
    """The value of an expression made of literals. Raises `NotPlain`.

    `names` are earlier literal assignments that the expression may use.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NotPlain(f"{_short(text)} is not a Python value") from None
    return fold(tree.body, names)


def fold(node: ast.expr, names: Mapping[str, object] | None = None) -> object:
    """The value of an expression node made of literals. Raises `NotPlain`."""
    try:
        value = _fold(node, {**_SPELLINGS, **(names or {})})
    except RecursionError:
        raise NotPlain("it is nested too deeply") from None
    _check_size(value)
    return value


def _check_size(value: object) -> None:
    """Raise `NotPlain` for what is too deep or too large. It looks no further than that."""
    size, left = 0, [(value, 0)]
    while left:
        item, depth = left.pop()
        if isinstance(item, dict):
            parts = [*item.keys(), *item.values()]
        else:
            parts = [*item] if isinstance(item, (list, tuple, set)) else []
        size += 1 + (len(item) if isinstance(item, (str, bytes)) else 0)
        if isinstance(item, int) and item.bit_length() > MAX_WRITTEN_BITS:
            raise NotPlain("it holds an integer that is too long to be written")
        if depth > MAX_DEPTH:
            raise NotPlain(f"it is nested deeper than {MAX_DEPTH} levels")
        if size + len(left) > MAX_SIZE:
            raise NotPlain(f"it holds more than {MAX_SIZE} items and characters")
        left += [(part, depth + 1) for part in parts]


def value_text(value: object) -> str:
    """The value as text that `ast.literal_eval` reads back, type for type. Infinity is written ``1e999``."""
    if isinstance(value, float) and math.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(value_text, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if isinstance(value, set):
        return "{" + ", ".join(sorted(map(value_text, value))) + "}" if value else "set()"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{value_text(k)}: {value_text(v)}" for k, v in value.items()) + "}"
    return repr(value)


def _fold(node: ast.expr, names: Mapping[str, object]) -> object:
    match node:
        case ast.Constant(value=value):
            return _constant(value)
        case ast.Name(id=name):
            if name in names:
                return names[name]
            raise NotPlain(f"{name} is a name, not a value")
        case ast.Tuple(elts=items):
            return tuple(_fold(item, names) for item in items)
        case ast.List(elts=items):
            return [_fold(item, names) for item in items]
        case ast.Set(elts=items):
            return {_hashable(_fold(item, names)) for item in items}
        case ast.Dict(keys=keys, values=values):
            return {
                _hashable(_fold(_given(key), names)): _fold(value, names)
                for key, value in zip(keys, values, strict=True)
            }
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            return _signed(sign, _fold(operand, names))
        case ast.BinOp(left=left, op=op, right=right):
            return _arithmetic(op, _fold(left, names), _fold(right, names))
        case ast.Call():
            return _known_call(node, names)
    raise NotPlain(f"{_short(ast.unparse(node))} is not a plain value")


def _constant(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return value
    raise NotPlain(f"{value!r} is not a plain value")


def _given(key: ast.expr | None) -> ast.expr:
    if key is None:
        raise NotPlain("** inside a dict is not a plain value")
    return key


def _hashable(value: object) -> object:
    try:
        hash(value)
    except TypeError:
        raise NotPlain(f"{_short(repr(value))} cannot be a key or a member of a set") from None
    return value


def _signed(sign: ast.unaryop, value: object) -> object:
    if not isinstance(value, (int, float, complex)):
        raise NotPlain("a sign stands before something that is no number")
    return -value if isinstance(sign, ast.USub) else +value


def _arithmetic(op: ast.operator, left: object, right: object) -> object:
    apply = _ARITHMETIC.get(type(op))
    if apply is None or not _bounded(op, left, right):
        raise NotPlain("it holds arithmetic that is not worked out here")
    try:
        return apply(left, right)
    except (TypeError, ValueError, ArithmeticError):
        raise NotPlain("its arithmetic has no result") from None


def _bounded(op: ast.operator, left: object, right: object) -> bool:
    """Whether the result stays small: no memory is spent on what a stranger wrote."""
    if isinstance(left, complex) or isinstance(right, complex):
        return isinstance(op, (ast.Add, ast.Sub))
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        if not isinstance(op, ast.Pow) or isinstance(left, float) or isinstance(right, float):
            return True
        return right >= 0 and max(1, left.bit_length()) * right <= MAX_BITS
    if isinstance(op, ast.Add):
        return isinstance(left, (str, list, tuple)) and type(left) is type(right)
    if isinstance(op, ast.Mult):
        times, sequence = (left, right) if isinstance(left, int) else (right, left)
        return (
            isinstance(times, int)
            and isinstance(sequence, (str, list, tuple))
            and len(sequence) * max(times, 0) <= MAX_ITEMS
        )
    return False


def _known_call(node: ast.Call, names: Mapping[str, object]) -> object:
    """``set()``, ``set([...])``, ``tuple()`` and the like, and ``float('inf')``."""
    if isinstance(node.func, ast.Name) and not node.keywords and len(node.args) <= 1:
        arguments = [_fold(argument, names) for argument in node.args]
        if (
            node.func.id == "float"
            and arguments
            and str(arguments[0]).lower().lstrip("+-")
            in (
                "inf",
                "infinity",
            )
        ):
            return float(str(arguments[0]))
        if node.func.id in ("set", "list", "tuple", "dict") and not arguments:
            return {"set": set, "list": list, "tuple": tuple, "dict": dict}[node.func.id]()
        if node.func.id == "set" and isinstance(arguments[0], (list, tuple, str)):
            return {_hashable(item) for item in arguments[0]}
    raise NotPlain(f"{_short(ast.unparse(node))} is a call, not a value")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 60 else text[:57] + "...")
