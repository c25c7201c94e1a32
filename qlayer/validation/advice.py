"""From measurements to sentences: what a report shows first, and what a policy may let the model see."""

from __future__ import annotations

from collections.abc import Iterator

from qlayer.types.assessment import Assessment, CaseCost, CheckCost
from qlayer.types.finding import Severity
from qlayer.types.frozen import Frozen
from qlayer.validation.quality import MAX_COMPLEXITY, MAX_LINES

TIMES_SLOWER = 3.0
"""Than the fastest candidate that passes the same test: less is within what a busy machine does by itself."""
TIMES_LARGER = 2.0
NOTICEABLE_S = 0.05
"""A test that takes less is never called slow: start-up and the clock are as large."""
NOTICEABLE_BYTES = 32 * 1024 * 1024
"""More memory than the leanest candidate takes, in bytes, that is worth a word."""
_PLATFORM_OWN = ("ImportStarUsed", "ImportStarUsage", "UnusedImport")
"""What the platform puts above a slot itself: names that the code may or may not use."""


class Kinds(Frozen):
    """What advice is wanted about."""

    quality: bool = True
    performance: bool = True
    security: bool = True


EVERY_KIND = Kinds()


def advice(assessment: Assessment, kinds: Kinds = EVERY_KIND) -> tuple[str, ...]:
    """Sentences for what stands out, the gravest first. Pure."""
    return (
        *(_security(assessment) if kinds.security else ()),
        *(_performance(assessment) if kinds.performance else ()),
        *(_quality(assessment) if kinds.quality else ()),
    )


def _security(assessment: Assessment) -> Iterator[str]:
    for one in assessment.findings:
        if one.tool != "pyflakes" and one.severity is not Severity.LOW:
            yield f"{one.path}, line {one.line}: {one.message} ({one.rule}, {one.severity})"


def _performance(assessment: Assessment) -> Iterator[str]:
    for cost in assessment.costs:
        slowest = max(filter(_slow, cost.cases), key=lambda case: case.times_slower or 0, default=None)
        if slowest is not None:
            yield (
                f"{cost.slot}: {slowest.times_slower:.0f}x slower than the fastest candidate that passes the "
                f"same tests ({slowest.name}: {slowest.seconds:.2f} s against {slowest.fastest_s:.2f} s)"
            )
        if _large(cost):
            takes, least = cost.memory_peak_bytes / 1e6, (cost.leanest_bytes or 0) / 1e6
            yield f"{cost.slot}: {cost.check} takes {takes:.0f} MB, the leanest candidate {least:.0f} MB"


def _quality(assessment: Assessment) -> Iterator[str]:
    for function in assessment.functions:
        if function.complexity > MAX_COMPLEXITY:
            yield (
                f"{function.name}: cyclomatic complexity {function.complexity}, more than {MAX_COMPLEXITY}: "
                "split it"
            )
        if function.lines > MAX_LINES:
            yield f"{function.name}: {function.lines} lines of code, more than {MAX_LINES}: split it"
    for one in assessment.findings:
        if one.tool == "pyflakes" and one.rule not in _PLATFORM_OWN:
            yield f"{one.path}, line {one.line}: {one.message}"


def _slow(case: CaseCost) -> bool:
    return case.seconds >= NOTICEABLE_S and (case.times_slower or 0) >= TIMES_SLOWER


def _large(cost: CheckCost) -> bool:
    least = cost.leanest_bytes
    if least is None or cost.memory_peak_bytes - least < NOTICEABLE_BYTES:
        return False
    return cost.memory_peak_bytes >= TIMES_LARGER * least
