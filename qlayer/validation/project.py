"""What can be checked of a project that qlayer did not make: it boots, and its own tests pass.

The plan is read from the files without running anything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TypeGuard

from qlayer.types.check import BootPlan, CheckPlan, PytestPlan
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree

_NOT_MODULES = ("setup", "conftest", "noxfile", "__init__", "__main__")


class ProjectPlan(Frozen):
    """Checks to run, in order, and what cannot be checked with the reason."""

    checks: tuple[CheckPlan, ...]
    skipped: tuple[str, ...] = ()


def plan_project(tree: SourceTree) -> ProjectPlan:
    """A boot check for each top-level module or package, and one check with the project's pytest tests."""
    boots = [BootPlan(name=f"boot {module}", module=module) for module in _top_modules(tree)]
    paths, names, skipped = [], [], []
    for path in tree.paths():
        if not _is_test_file(path):
            continue
        try:
            found = list(_tests(ast.parse(tree.files[path])))
        except (SyntaxError, ValueError) as error:
            skipped.append(f"{path}: its tests cannot be read: {error}")
            continue
        plain = [name for name, parametrized in found if not parametrized]
        skipped += [f"{path}::{name}: its cases are known only when it runs" for name, many in found if many]
        if plain:
            paths.append(path)
            names += [f"{path}::{name}" for name in plain]
    tests = [PytestPlan(paths=tuple(paths), expected_tests=tuple(names))] if names else []
    return ProjectPlan(checks=(*boots, *tests), skipped=tuple(skipped))


def _top_modules(tree: SourceTree) -> list[str]:
    """Modules and packages in the root or in ``src/``, sorted."""
    found = set()
    for path in tree.paths():
        parts = PurePosixPath(path).parts
        parts = parts[1:] if parts[0] == "src" and len(parts) > 1 else parts
        name = parts[0].removesuffix(".py")
        is_module = len(parts) == 1 and parts[0].endswith(".py")
        is_package = len(parts) == 2 and parts[1] == "__init__.py"
        if (is_module or is_package) and name.isidentifier() and not _is_test_name(name):
            found.add(name)
    return sorted(found - set(_NOT_MODULES))


def _is_test_name(name: str) -> bool:
    return name in ("tests", "test") or name.startswith("test_") or name.endswith("_test")


def _is_test_file(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.endswith("_test.py") or (name.startswith("test_") and name.endswith(".py"))


def _tests(module: ast.Module) -> Iterator[tuple[str, bool]]:
    """Names as pytest gives them (``test_x``, ``TestX::test_y``), and whether one stands for many."""
    for node in module.body:
        if _is_test_function(node):
            yield node.name, _is_parametrized(node)
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            for inner in node.body:
                if _is_test_function(inner):
                    yield f"{node.name}::{inner.name}", _is_parametrized(node) or _is_parametrized(inner)


def _is_test_function(node: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")


def _is_parametrized(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any("parametrize" in ast.unparse(decorator) for decorator in node.decorator_list)
