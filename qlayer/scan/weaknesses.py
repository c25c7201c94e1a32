"""Patterns in Python source that are often a weakness, found by bandit in this process.

A ``nosec`` of the project is not obeyed. The function is for those who look at a few files (the assessment
of what a model wrote); the scanner looks at all and says what it could not read.
"""

from __future__ import annotations

import asyncio
import io
import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

from qlayer.scan.base import Project, unread
from qlayer.types.finding import Finding, Severity
from qlayer.types.ids import Digest, digest_of
from qlayer.types.source import SourceTree, TreePath

_SEVERITIES = {"LOW": Severity.LOW, "MEDIUM": Severity.MEDIUM, "HIGH": Severity.HIGH}
_FOR_TESTS = ("B101",)
"""``assert`` is no weakness where nobody runs Python with -O."""
_QUOTES_SECRETS = ("B105", "B106", "B107")
_NOT_READABLE = (SyntaxError, ValueError, RecursionError)


class Bandit:
    """Bandit's default rules on every Python file."""

    name = "bandit"

    def version(self) -> str | None:
        return metadata.version("bandit")

    def rules(self) -> Digest:
        return digest_of(["default", "without", _FOR_TESTS])

    def wants(self, path: TreePath) -> bool:
        return path.endswith(".py")

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        return await asyncio.to_thread(lambda: tuple(_all(project)))


def bandit(tree: SourceTree, paths: Iterable[TreePath]) -> tuple[Finding, ...]:
    """What bandit says of the Python files among `paths`; what does not parse is passed over."""
    found: list[Finding] = []
    for path in paths:
        try:
            found.extend(_weaknesses(path, tree.files[path]) if path.endswith(".py") else ())
        except _NOT_READABLE:
            continue
    return tuple(found)


def _all(project: Project) -> Iterator[Finding]:
    for path in project.paths:
        try:
            yield from map(_discreet, _weaknesses(path, project.tree.files[path]))
        except _NOT_READABLE as error:
            yield unread(Bandit.name, path, f"bandit cannot read this file: {type(error).__name__}")


def _discreet(finding: Finding) -> Finding:
    """A report goes further than a source file, so the password that was found stays out of it."""
    if finding.rule not in _QUOTES_SECRETS:
        return finding
    return finding.model_copy(update={"message": finding.message.partition(":")[0]})


def _weaknesses(path: TreePath, data: bytes) -> list[Finding]:
    return [
        Finding(
            tool=Bandit.name,
            rule=issue.test_id,
            severity=_SEVERITIES.get(issue.severity, Severity.LOW),
            message=issue.text,
            path=path,
            line=issue.lineno,
        )
        for issue in _issues(path, data)
        if issue.test_id not in _FOR_TESTS
    ]


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
