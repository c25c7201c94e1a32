"""The imports between a project's own modules, read without running anything.

A filling can break the project in ways that only show elsewhere: a module imports a name that is no longer
there, or two modules import each other. Both are found here in a few milliseconds; a boot check would find
some of them later and say less.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from qlayer.types.source import SourceTree


class _Import(NamedTuple):
    """``from module import name``; `name` is None for ``import module``."""

    module: str
    name: str | None
    line: int
    at_import: bool
    """Whether it is done when the module is loaded, not when a function is called."""


def import_problems(tree: SourceTree) -> tuple[str, ...]:
    """Missing modules, missing names and cycles among the project's own modules, as sentences.

    Files that do not parse are left out: that is another check's to say.
    """
    modules = dict(_modules(tree))
    roots = {name.partition(".")[0] for name in modules}
    found: list[str] = []
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for name, module in modules.items():
        for one in _imports(module, name):
            if one.module.partition(".")[0] not in roots:
                continue
            target = _target(one, modules)
            if target is None:
                missing = f"{one.module}.{one.name}" if one.module in modules else one.module
                found.append(f"{name} imports {missing}, which is not there (line {one.line})")
            elif one.at_import and target != name:
                graph[name].add(target)
    return (*found, *_cycles(graph))


def _modules(tree: SourceTree) -> Iterator[tuple[str, ast.Module]]:
    """Dotted name -> syntax tree, from the root and from ``src/``."""
    for path in tree.paths():
        if not path.endswith(".py"):
            continue
        name = path.removeprefix("src/").removesuffix(".py").replace("/", ".")
        try:
            yield name.removesuffix(".__init__"), ast.parse(tree.files[path])
        except (SyntaxError, ValueError, RecursionError):
            continue


def _imports(module: ast.Module, name: str) -> Iterator[_Import]:
    late = {
        id(inner)
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
    }
    for node in ast.walk(module):
        at_import = id(node) not in late
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _Import(alias.name, None, node.lineno, at_import)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name.split(".")[: -node.level]
                base = ".".join([*package, *([base] if base else [])])
            for alias in node.names:
                yield _Import(base, None if alias.name == "*" else alias.name, node.lineno, at_import)


def _target(one: _Import, modules: Mapping[str, ast.Module]) -> str | None:
    """The module of the project that the import loads; None when it or the name is missing."""
    if one.name is not None and f"{one.module}.{one.name}" in modules:
        return f"{one.module}.{one.name}"
    if one.module not in modules:
        is_package = any(name.startswith(f"{one.module}.") for name in modules)
        return one.module if is_package and one.name is None else None
    if one.name is not None and one.name not in _bound(modules[one.module]):
        return None
    return one.module


def _bound(module: ast.Module) -> set[str]:
    """Names that the module has once it is loaded."""
    names = {"__all__", "__doc__", "__file__", "__name__", "__version__"}
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _cycles(graph: Mapping[str, set[str]]) -> tuple[str, ...]:
    inner = {name: {other for other in others if other in graph} for name, others in graph.items()}
    try:
        TopologicalSorter(inner).prepare()
    except CycleError as error:
        return ("modules import each other: " + " -> ".join(error.args[1]),)
    return ()
