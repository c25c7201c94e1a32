"""One assessment out of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from qlayer.types.assessment import Assessment, CheckCost
from qlayer.types.finding import Finding, Severity
from qlayer.types.source import SourceTree, TreePath
from qlayer.validation.advice import advice
from qlayer.validation.quality import functions, lint

_GRAVEST_FIRST = (Severity.HIGH, Severity.MEDIUM, Severity.LOW)


class Weaknesses(Protocol):
    """Looks at files of a tree and says what it found; what it cannot read it passes over."""

    def __call__(self, tree: SourceTree, paths: Iterable[TreePath]) -> tuple[Finding, ...]: ...


def assess(
    tree: SourceTree, paths: Sequence[TreePath], costs: Sequence[CheckCost], scan: Weaknesses
) -> Assessment:
    """Of `paths`, the files that a model wrote in. Runs nothing of them."""
    there = [path for path in paths if path in tree]
    found = Assessment(
        functions=functions(tree, there),
        findings=tuple(sorted([*scan(tree, there), *lint(tree, there)], key=_order)),
        costs=tuple(costs),
        skipped=tuple(f"{path} is not in the project" for path in paths if path not in tree),
    )
    return found.model_copy(update={"advice": advice(found)})


def _order(finding: Finding) -> tuple[int, TreePath, int]:
    return _GRAVEST_FIRST.index(finding.severity), finding.path, finding.line or 0
