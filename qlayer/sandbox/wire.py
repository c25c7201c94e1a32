"""Plain values as tagged JSON: the only form in which a value crosses between judged and judging code.

Only exact built-in types exist on the wire. A subclass of one arrives as its base (a `Counter` as a dict),
converted with the base's own methods, so that an object that lies in `__eq__` or `__iter__` is judged by what
it holds. Decoding treats its input as hostile. Standard library only: it also runs inside the sandbox.
"""

from __future__ import annotations

import ast
import base64
import binascii
import json
import math
from typing import Any

MAX_DEPTH = 64
"""Containers inside containers; deeper values are refused on both sides."""
MAX_BYTES = 1024 * 1024
"""Of one encoded value."""
MAX_ITEMS = 200_000
"""Values inside one value, all levels together."""
_NATIVE_INT = 2**53
_CLASSES = {
    kind.__name__: kind
    for kind in (bool, bytes, complex, dict, float, frozenset, int, list, object, set, str, tuple, type(None))
}
"""Built-in classes that cross by name: test code passes them as arguments."""
_CLASS_NAMES = {id(kind): name for name, kind in _CLASSES.items()}
_FEW = 64
_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)
_PARSE = json.JSONDecoder().raw_decode
"""Without the search for white space around a value, which takes longer than a small value."""
_AS_THEY_ARE = frozenset({type(None), bool, int, float, str})


class Unplain(TypeError):
    """The value holds something that is not a built-in type, or is too deep or too large to cross."""


class Malformed(ValueError):
    """The bytes are not an encoded value."""


def encode(value: object) -> str:
    """The value as one line of ASCII JSON. Raises `Unplain`."""
    text = _JSON.encode(_Encoder().tagged(value, 0))
    if len(text) > MAX_BYTES:
        raise Unplain(f"the value takes {len(text)} bytes encoded; at most {MAX_BYTES} cross")
    return text


def decode(text: str | bytes) -> Any:
    """The value of an encoded text. Raises `Malformed`, whatever the input."""
    if len(text) > MAX_BYTES:
        raise Malformed(f"more than {MAX_BYTES} bytes")
    try:
        line = text if isinstance(text, str) else text.decode()
        form, end = _PARSE(line)
        if end != len(line):
            raise Malformed("more than one value")
        return form if type(form) in _AS_THEY_ARE else untag(form)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None


def untag(form: object, depth: int = 0) -> Any:
    """The value of a parsed JSON form. Raises `Malformed`."""
    if depth > MAX_DEPTH:
        raise Malformed(f"nested deeper than {MAX_DEPTH}")
    if type(form) in _AS_THEY_ARE:
        return form
    if isinstance(form, list):
        depth += 1
        if depth > MAX_DEPTH and form:
            raise Malformed(f"nested deeper than {MAX_DEPTH}")
        return [item if type(item) in _AS_THEY_ARE else untag(item, depth) for item in form]
    if not isinstance(form, dict) or len(form) != 1:
        raise Malformed("expected one tag")
    [(tag, body)] = form.items()
    if tag in ("i", "f", "b", "c", "k"):
        return _scalar(tag, body)
    return _container(tag, body, depth)


def literal(text: str) -> Any:
    """The value of a Python literal; the names ``nan`` and ``inf`` are floats. Raises `Malformed`."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
        if "nan" in text or "inf" in text:
            tree = _FloatNames().visit(tree)
        return ast.literal_eval(tree)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise Malformed(f"not a Python literal: {error}") from None


class _FloatNames(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Constant(float(node.id)) if node.id in ("nan", "inf") else node


class _Encoder:
    """Counts what it has seen of one value."""

    def __init__(self) -> None:
        self.items = 0

    def tagged(self, value: object, depth: int) -> object:
        self.items += 1
        if depth > MAX_DEPTH:
            raise Unplain(f"the value is nested deeper than {MAX_DEPTH}")
        if self.items > MAX_ITEMS:
            raise Unplain(f"the value holds more than {MAX_ITEMS} items")
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if kind is str:
            return value
        if kind is int:
            return _int_form(value)  # type: ignore[arg-type]
        # By identity: nothing is asked of the value. A built-in class never ends, so its id is its own.
        if (name := _CLASS_NAMES.get(id(value))) is not None:
            return {"k": name}
        return self._of_base(value, depth)

    def _of_base(self, value: Any, depth: int) -> object:
        # isinstance() asks the object's own __class__, which can lie; the type's real order of bases cannot.
        kind = type(value)
        bases = (kind,) if kind in _EXACT else type.mro(kind)
        if str in bases:
            return str.encode(value, "utf-8", "surrogatepass").decode("utf-8", "surrogatepass")
        if int in bases:
            return _int_form(int.__pos__(value))
        if float in bases:
            return _float_form(float.__pos__(value))
        if complex in bases:
            plain = complex.__pos__(value)
            return {"c": [_float_form(plain.real), _float_form(plain.imag)]}
        if bytes in bases:
            return {"b": base64.b64encode(bytes.__getitem__(value, slice(None))).decode()}
        if dict in bases:
            pairs = dict.items(value)
            return {"d": [[self.tagged(k, depth + 1), self.tagged(v, depth + 1)] for k, v in pairs]}
        for base, tag in _SEQUENCES:
            if base in bases:
                forms = [self.tagged(item, depth + 1) for item in base.__iter__(value)]
                return {tag: forms} if tag else forms
        raise Unplain(f"{kind.__name__} is not a built-in type")


_EXACT = frozenset({str, int, float, complex, bytes, dict, list, tuple, set, frozenset})
_SEQUENCES: tuple[tuple[Any, str], ...] = ((list, ""), (tuple, "t"), (set, "s"), (frozenset, "z"))


def _int_form(value: int) -> object:
    # Beyond 2**53 as hexadecimal: no reader rounds it, and no limit on decimal digits applies.
    return value if -_NATIVE_INT <= value <= _NATIVE_INT else {"i": hex(value)}


def _float_form(value: float) -> object:
    return value if math.isfinite(value) else {"f": repr(value)}


def _scalar(tag: str, body: object) -> Any:
    try:
        if tag == "i" and isinstance(body, str):
            return int(body, 16)
        if tag == "f" and body in ("nan", "inf", "-inf"):
            return float(str(body))
        if tag == "k" and isinstance(body, str) and body in _CLASSES:
            return _CLASSES[body]
        if tag == "b" and isinstance(body, str):
            return base64.b64decode(body, validate=True)
        if tag == "c" and isinstance(body, list) and len(body) == 2:
            return complex(float(untag(body[0], MAX_DEPTH)), float(untag(body[1], MAX_DEPTH)))
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise Malformed(str(error)) from None
    raise Malformed(f"bad body for tag {tag!r}")


def _container(tag: str, body: object, depth: int) -> Any:
    if not isinstance(body, list):
        raise Malformed(f"tag {tag!r} needs a list")
    try:
        if tag == "d":
            pairs = [(untag(key, depth + 1), untag(value, depth + 1)) for key, value in body]
            return dict(zip(_spread([key for key, _ in pairs]), [value for _, value in pairs], strict=True))
        items = [untag(item, depth + 1) for item in body]
        if tag == "t":
            return tuple(items)
        if tag == "s":
            return set(_spread(items))
        if tag == "z":
            return frozenset(_spread(items))
    except (TypeError, ValueError) as error:
        raise Malformed(str(error)) from None
    raise Malformed(f"unknown tag {tag!r}")


def _spread(keys: list[Any]) -> list[Any]:
    """The keys, unless so many share a hash that a table of them would take the host quadratic time."""
    if len({hash(key) for key in keys}) * _FEW < len(keys):
        raise Malformed("too many keys of one hash")
    return keys


NO_KWARGS = encode({})
"""What most calls have for keyword arguments."""
