"""The shape of a parameter: what its annotation says, filled in by the values seen in examples."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from qlayer.types.frozen import Frozen

SCALARS = ("int", "float", "str", "bool", "None", "bytes")
_SEQUENCES = {
    "list": "list",
    "List": "list",
    "Sequence": "list",
    "Iterable": "list",
    "Collection": "list",
    "set": "set",
    "Set": "set",
    "AbstractSet": "set",
    "frozenset": "set",
}
_MAPPINGS = ("dict", "Dict", "Mapping", "MutableMapping")
MAX_DEPTH = 5


class Shape(Frozen):
    """A kind of value. `parts`: the item of a list or set, key and value of a dict, the items of a tuple, the
    members of a union; empty for scalars and where nothing is known of the inside."""

    kind: str
    """int, float, str, bool, None, bytes, list, set, dict, tuple, union or any."""
    parts: tuple[Shape, ...] = ()


ANY = Shape(kind="any")


def annotated(node: ast.expr | None, depth: int = 0) -> Shape:
    """The shape that an annotation names; `ANY` for what is not understood."""
    if node is None or depth > MAX_DEPTH:
        return ANY
    if isinstance(node, ast.Constant):
        return _constant(node, depth)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return union([annotated(node.left, depth + 1), annotated(node.right, depth + 1)])
    if isinstance(node, ast.Subscript):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return _generic(_name(node.value), inner, depth + 1)
    return _generic(_name(node), [], depth + 1)


def observed(values: Iterable[Any], depth: int = 0) -> Shape:
    """The shape that all these values have."""
    return union([_of(value, depth) for value in values])


def union(shapes: Sequence[Shape]) -> Shape:
    """One shape for several: equal kinds are merged, `ANY` gives way to whatever is known."""
    merged: dict[str, Shape] = {}
    for shape in shapes:
        for member in shape.parts if shape.kind == "union" else (shape,):
            if member.kind == "any":
                continue
            same = merged.get(member.kind)
            merged[member.kind] = member if same is None else _both(same, member)
    if not merged:
        return ANY
    members = tuple(merged[kind] for kind in sorted(merged))
    return members[0] if len(members) == 1 else Shape(kind="union", parts=members)


def refined(declared: Shape, seen: Shape) -> Shape:
    """The declared shape with its unknown parts taken from what was seen.

    Where both know something, examples narrow a union or correct an annotation that they contradict.
    """
    if declared.kind == "any" or (seen.kind not in ("any", "union") and seen.kind != declared.kind):
        return seen if seen.kind != "any" else declared
    if declared.kind == seen.kind and len(declared.parts) == len(seen.parts):
        pairs = zip(declared.parts, seen.parts, strict=True)
        return Shape(kind=declared.kind, parts=tuple(refined(*pair) for pair in pairs))
    if declared.kind == seen.kind:
        return seen if seen.parts else declared
    return declared


def _both(one: Shape, other: Shape) -> Shape:
    if not one.parts or not other.parts:
        return one if one.parts else other
    if len(one.parts) != len(other.parts):
        # Tuples of several lengths: keep the longer, the drawer shortens nothing.
        return max(one, other, key=lambda shape: len(shape.parts))
    pairs = zip(one.parts, other.parts, strict=True)
    return Shape(kind=one.kind, parts=tuple(union(pair) for pair in pairs))


def _of(value: Any, depth: int) -> Shape:
    kind = "None" if value is None else type(value).__name__
    if depth > MAX_DEPTH:
        return ANY
    if kind in ("list", "set", "frozenset"):
        inside = observed(value, depth + 1)
        return Shape(kind="set" if kind != "list" else "list", parts=(inside,) if inside != ANY else ())
    if kind == "dict":
        parts = (observed(value, depth + 1), observed(value.values(), depth + 1))
        return Shape(kind=kind, parts=parts if value else ())
    if kind == "tuple":
        return Shape(kind=kind, parts=tuple(_of(item, depth + 1) for item in value))
    return Shape(kind=kind) if kind in SCALARS else ANY


def _constant(node: ast.Constant, depth: int) -> Shape:
    if node.value is None:
        return Shape(kind="None")
    if isinstance(node.value, str):  # a quoted annotation
        try:
            return annotated(ast.parse(node.value, mode="eval").body, depth + 1)
        except (SyntaxError, ValueError):
            return ANY
    return ANY


def _generic(name: str, inner: list[ast.expr], depth: int) -> Shape:
    if name in SCALARS:
        return Shape(kind=name)
    parts = tuple(annotated(node, depth) for node in inner)
    if name in _SEQUENCES:
        return Shape(kind=_SEQUENCES[name], parts=parts[:1])
    if name in _MAPPINGS:
        return Shape(kind="dict", parts=parts if len(parts) == 2 else ())
    if name in ("tuple", "Tuple"):
        endless = len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is ...
        return Shape(kind="tuple", parts=(parts[0],) * 3 if endless else parts)
    if name == "Optional":
        return union([*parts, Shape(kind="None")])
    if name == "Union":
        return union(parts)
    if name == "Literal":
        return observed(node.value for node in inner if isinstance(node, ast.Constant))
    return ANY


def _name(node: ast.expr) -> str:
    """``list`` of ``list``, ``typing.List`` and the like."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Constant) and node.value is None:
        return "None"
    return node.id if isinstance(node, ast.Name) else ""
