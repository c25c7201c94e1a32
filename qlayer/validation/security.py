"""Patterns in source that are often a weakness, found without running it.

Behind the one verb of `Scanner`: a stage of scanners with advisories can take this one's place.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from qlayer.types.finding import Finding, Severity
from qlayer.types.source import SourceTree, TreePath

_SEVERITIES = {"LOW": Severity.LOW, "MEDIUM": Severity.MEDIUM, "HIGH": Severity.HIGH}
_FOR_TESTS = ("B101",)
"""``assert`` is no weakness where nobody runs Python with -O."""


class Scanner(Protocol):
    """Looks at files of a tree and says what it found; what it cannot read it passes over."""

    def __call__(self, tree: SourceTree, paths: Iterable[TreePath]) -> tuple[Finding, ...]: ...


def bandit(tree: SourceTree, paths: Iterable[TreePath]) -> tuple[Finding, ...]:
    """Bandit's default rules on the Python files among them. A ``nosec`` of the model's is not obeyed."""
    return tuple(finding for path in paths if path.endswith(".py") for finding in _scan(path, tree))


def _scan(path: TreePath, tree: SourceTree) -> Iterator[Finding]:
    try:
        issues = _issues(path, tree.files[path])
    except (SyntaxError, ValueError, RecursionError):
        return
    for issue in issues:
        if issue.test_id not in _FOR_TESTS:
            yield Finding(
                tool="bandit",
                rule=issue.test_id,
                severity=_SEVERITIES.get(issue.severity, Severity.LOW),
                message=issue.text,
                path=path,
                line=issue.lineno,
            )


@contextmanager
def _quietly() -> Iterator[None]:
    """Bandit loads its plugins in a way that is deprecated; the loader logs those that lack a package."""
    loader = logging.getLogger("stevedore")
    before = loader.level
    loader.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        loader.setLevel(before)


def _issues(path: TreePath, data: bytes) -> list[Any]:
    """One file through bandit's own visitor: its manager reads from the disk alone."""
    with _quietly():
        # Imported here because it takes half a second that most commands never need.
        from bandit.core.config import BanditConfig
        from bandit.core.meta_ast import BanditMetaAst
        from bandit.core.metrics import Metrics
        from bandit.core.node_visitor import BanditNodeVisitor
        from bandit.core.test_set import BanditTestSet
    metrics = Metrics()
    metrics.begin(path)
    # Absolute, because bandit names a module by the packages that it finds above a relative one on the disk.
    visitor = BanditNodeVisitor(
        f"/{path}", io.BytesIO(data), BanditMetaAst(), BanditTestSet(BanditConfig()), False, {}, metrics
    )
    visitor.process(data)
    return list(visitor.tester.results)
