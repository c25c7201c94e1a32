"""Modules of qlayer with one refusal taken out: each `if ...: raise <refusal>` of a source file in turn.

For rules that no switch of a sandbox turns off: names of files, and what may be brought out of a run.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType


def refusals(module: ModuleType, raised: str) -> tuple[str, ...]:
    """The conditions, as source text, under which the module raises what is named `raised`."""
    return tuple(ast.unparse(node.test) for node in _refusing(_tree(module), raised))


def without(module: ModuleType, raised: str, *conditions: str) -> ModuleType:
    """The module as it would be if those conditions never held. Raises ValueError when it lacks one."""
    tree = _tree(module)
    found = [node for node in _refusing(tree, raised) if ast.unparse(node.test) in conditions]
    if len(found) != len(conditions):
        raise ValueError(f"{module.__name__}: {len(found)} refusals when {conditions}")
    for node in found:
        node.test = ast.copy_location(ast.Constant(value=False), node.test)
    mutant = ModuleType(f"mutant_of_{module.__name__.replace('.', '_')}")
    # Pydantic and dataclasses look their annotations up there.
    sys.modules[mutant.__name__] = mutant
    exec(compile(tree, str(module.__file__), "exec"), mutant.__dict__)
    return mutant


def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text())


def _refusing(tree: ast.Module, raised: str) -> list[ast.If]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
        and isinstance(last := node.body[-1], ast.Raise)
        and isinstance(last.exc, ast.Call)
        and isinstance(last.exc.func, ast.Name)
        and last.exc.func.id == raised
    ]
