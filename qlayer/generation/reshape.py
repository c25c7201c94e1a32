"""Fixes for code that is right in substance and has the wrong form around it: a method instead of a function,
``async`` where none was asked for, a bracket that the answer never closed. Same rules as in `autofix`."""

from __future__ import annotations

import ast
import re
import textwrap
import tokenize
from io import StringIO

from qlayer.generation.base import Slot
from qlayer.generation.edits import FUNCTIONS, Function, find_function, parse, segment, without

_CLOSING = {"(": ")", "[": "]", "{": "}"}


def close_brackets(code: str, slot: Slot) -> str | None:
    """The answer ends inside of brackets: close them, where that makes it parse."""
    if parse(code) is not None:
        return None
    closed = code.rstrip() + "".join(reversed(_open_brackets(code))) + "\n"
    return closed if closed.strip() != code.strip() and parse(closed) is not None else None


def unwrap_method(code: str, slot: Slot) -> str | None:
    """The function was written as a method of a class that nobody asked for (``class Solution``)."""
    module, name = parse(code), slot.function_name
    if module is None or find_function(module, name) is not None or "." in slot.name:
        return None
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    if len(classes) != 1 or find_function(module, f"{classes[0].name}.{name}") is None:
        return None
    methods = [node for node in classes[0].body if isinstance(node, FUNCTIONS)]
    if len(methods) != len([node for node in classes[0].body if not isinstance(node, ast.Expr)]):
        return None
    freed = [_freed(code, method, {node.name for node in methods}) for method in methods]
    if None in freed:
        return None
    rest = without(code, classes).strip("\n")
    return "\n\n\n".join(part for part in (rest, *freed) if part) + "\n"


def match_async(code: str, slot: Slot) -> str | None:
    """``async`` where the signature has none and nothing is awaited, or none where the signature has it."""
    module, name = parse(code), slot.function_name
    function = find_function(module, name) if module else None
    if function is None:
        return None
    head = rf"^(?:async\s+)?def\s+{re.escape(name)}\b"
    if slot.signature.startswith("async ") and isinstance(function, ast.FunctionDef):
        return re.sub(head, f"async def {name}", code, flags=re.M)
    waits = any(isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith) for node in ast.walk(function))
    if slot.signature.startswith("def ") and isinstance(function, ast.AsyncFunctionDef) and not waits:
        return re.sub(head, f"def {name}", code, flags=re.M)
    return None


def _open_brackets(code: str) -> list[str]:
    """The closing brackets that are missing at the end, outermost first."""
    missing: list[str] = []
    try:
        for token in tokenize.generate_tokens(StringIO(code).readline):
            if token.type == tokenize.OP and token.string in _CLOSING:
                missing.append(_CLOSING[token.string])
            elif token.type == tokenize.OP and token.string in _CLOSING.values() and missing:
                missing.pop()
    except (tokenize.TokenError, IndentationError):
        pass  # the end of the text inside of a bracket: what was read until here is what is wanted
    return missing


def _freed(code: str, method: Function, names: set[str]) -> str | None:
    """A method as a function; None when it uses its object for more than calling the other methods."""
    own = method.args.args[0].arg if method.args.args else ""
    is_static = any(ast.unparse(item) == "staticmethod" for item in method.decorator_list)
    if method.decorator_list[is_static:] or (not is_static and own != "self"):
        return None
    text = textwrap.dedent(segment(code, method))
    if is_static:
        return re.sub(r"^@staticmethod\s*\n", "", text)
    text = re.sub(rf"\bself\.({'|'.join(map(re.escape, names))})(?=\()", r"\1", text)
    text = re.sub(r"(def\s+\w+\s*\(\s*)self\s*(?:,\s*)?", r"\1", text, count=1)
    return None if re.search(r"\bself\b", text) else text
