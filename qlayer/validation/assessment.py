"""One assessment out of its parts."""

from __future__ import annotations

from collections.abc import Sequence

from qlayer.types.assessment import Assessment, CheckCost
from qlayer.types.finding import Finding, Severity
from qlayer.types.source import SourceTree, TreePath
from qlayer.validation.advice import advice
from qlayer.validation.quality import functions, lint
from qlayer.validation.security import Scanner

_GRAVEST_FIRST = (Severity.HIGH, Severity.MEDIUM, Severity.LOW)


def assess(
    tree: SourceTree, paths: Sequence[TreePath], costs: Sequence[CheckCost], scan: Scanner
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
