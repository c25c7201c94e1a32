"""The function that ``assert`` lines are about, when none of them can be trusted as an example."""

from __future__ import annotations

import ast
import builtins
import re

from qlayer.generation.intake.target import Target

_ASSERT = re.compile(r"^[ \t>*-]*(assert\b.+)$", re.M)


def target_of_asserts(page: str) -> Target | None:
    """The first function called in an assert that is neither a built-in nor a method, with its arity."""
    for match in _ASSERT.finditer(page):
        try:
            tree = ast.parse(match[1].strip())
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and not hasattr(builtins, node.func.id)
            ):
                names = tuple(f"arg{i}" for i in range(1, len(node.args) + 1))
                keywords = tuple(item.arg for item in node.keywords if item.arg)
                return Target(name=node.func.id, positional=names, keyword_only=keywords)
    return None
