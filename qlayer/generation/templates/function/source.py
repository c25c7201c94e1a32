"""Pieces of Python source for the module: the docstring, and the imports that the signature needs."""

from __future__ import annotations

import ast
import builtins

from qlayer.errors import InputError
from qlayer.generation.edits import bound_names
from qlayer.generation.imports import NAMES
from qlayer.types.spec import Signature


def docstring_block(text: str) -> str:
    """The text as a docstring with its quotes, indented for a function at the top level."""
    escaped = text.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if escaped.endswith('"'):
        escaped = escaped[:-1] + '\\"'
    lines = escaped.splitlines()
    closing = ['"""'] if len(lines) > 1 else []
    quoted = ['"""' + lines[0] + ("" if closing else '"""'), *lines[1:], *closing]
    return "\n".join(("    " + line).rstrip() for line in quoted)


def signature_imports(signature: Signature) -> tuple[str, ...]:
    """Imports for the names that the signature uses and its preamble does not define.

    Raises `InputError` for a name that nobody defines.
    """
    function = ast.parse(f"{signature.source}: ...").body[0]
    used = [node.id for node in ast.walk(function) if isinstance(node, ast.Name)]
    defined = bound_names([ast.parse(signature.preamble)])
    imports: dict[str, None] = {}
    for name in used:
        if name in defined or hasattr(builtins, name):
            continue
        if name not in NAMES:
            raise InputError(
                f"the signature of {signature.name} uses {name}, which the request does not define",
                field="text",
                limit="built-in names, typing, or names defined above the function",
                hint=f"put the import, class or alias of {name} above the function in the same block of code",
            )
        imports[NAMES[name]] = None
    return tuple(sorted(imports))
