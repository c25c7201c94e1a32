"""How good a program is beside being right: its complexity, what tools say of it, and what its tests cost.

Nothing here changes a level or a permission. It is in the run's record (event `Assessed`) and in the
manifest.
"""

from __future__ import annotations

from qlayer.types.finding import Finding
from qlayer.types.frozen import Frozen
from qlayer.types.source import TreePath


class FunctionMetrics(Frozen):
    """Size and complexity of one function."""

    path: TreePath
    name: str
    line: int
    """1-based."""
    lines: int
    """Lines of code, without blank ones and comments."""
    complexity: int
    """McCabe's cyclomatic complexity: 1 and one more for every decision."""


class CaseCost(Frozen):
    """What one trusted test took. The seconds are those that the program's own process told."""

    name: str
    seconds: float
    fastest_s: float | None = None
    """Of the other candidates that pass the same check; None: there is none."""

    @property
    def times_slower(self) -> float | None:
        """Than the fastest other candidate; None when there is none to compare with."""
        if self.fastest_s is None:
            return None
        return self.seconds / max(self.fastest_s, 1e-6)


class CheckCost(Frozen):
    """What one trusted check of a slot took, with the kept candidate."""

    slot: str
    check: str
    seconds: float
    """Of all its cases."""
    memory_peak_bytes: int
    """Of the whole run, the interpreter included; 0 when it was not measured."""
    leanest_bytes: int | None = None
    """The least that another candidate took which passes the same check; None: there is none."""
    compared: int = 0
    """Other candidates that pass the same check."""
    cases: tuple[CaseCost, ...] = ()


class Assessment(Frozen):
    """Of the files that a model wrote in."""

    functions: tuple[FunctionMetrics, ...] = ()
    """The most complex first."""
    findings: tuple[Finding, ...] = ()
    """Lint and security, the most severe first."""
    costs: tuple[CheckCost, ...] = ()
    advice: tuple[str, ...] = ()
    """What is worth doing about it, as sentences; empty when nothing stands out."""
    skipped: tuple[str, ...] = ()
    """What could not be looked at, and why."""
