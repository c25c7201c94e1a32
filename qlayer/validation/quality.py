"""Complexity and lint of source files, without running them.

Complexity is measured by lizard, which reads other languages too; lint is pyflakes, for Python alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import lizard
from pyflakes import checker

from qlayer.types.assessment import FunctionMetrics
from qlayer.types.finding import Finding, Severity
from qlayer.types.source import SourceTree, TreePath

MAX_COMPLEXITY = 10
"""McCabe's own bound (A Complexity Measure, 1976), still the default of the linters."""
MAX_LINES = 60
"""Lines of one function, as the protocol for small models bounds a slot."""


def functions(tree: SourceTree, paths: Iterable[TreePath]) -> tuple[FunctionMetrics, ...]:
    """All functions of these files, the most complex first. Files that cannot be read have none."""
    found = [
        FunctionMetrics(
            path=path,
            name=function.name,
            line=function.start_line,
            lines=function.nloc,
            complexity=function.cyclomatic_complexity,
        )
        for path in paths
        for function in lizard.analyze_file.analyze_source_code(path, _text(tree, path)).function_list
    ]
    return tuple(sorted(found, key=lambda one: (-one.complexity, one.path, one.line)))


def lint(tree: SourceTree, paths: Iterable[TreePath]) -> tuple[Finding, ...]:
    """What pyflakes says of the Python files among them; nothing of one that does not parse."""
    return tuple(finding for path in paths for finding in _lint(path, _text(tree, path)))


def _lint(path: TreePath, text: str) -> Iterator[Finding]:
    if not path.endswith(".py"):
        return
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for message in sorted(checker.Checker(module, path).messages, key=lambda one: one.lineno):
        yield Finding(
            tool="pyflakes",
            rule=type(message).__name__,
            severity=Severity.LOW,
            message=message.message % message.message_args,
            path=path,
            line=message.lineno,
        )


def _text(tree: SourceTree, path: TreePath) -> str:
    return tree.files[path].decode(errors="replace")
