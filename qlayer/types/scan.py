"""What scanners said of a tree, and what was put aside with a reason."""

from __future__ import annotations

from collections import Counter
from datetime import date

from pydantic import Field

from qlayer.types.finding import Finding, Severity
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest


class ToolReport(Frozen):
    """One scanner's work on one tree."""

    tool: str
    version: str | None
    """None: it is not installed here."""
    rules: Digest
    """Of what it was asked to look for; for advisories: of those that were matched."""
    files: int
    """Files of its kind in the tree."""
    seconds: float
    cached: bool = False
    findings: int
    """How many, suppressed ones among them."""
    problem: str | None = None
    """Why it could not look at the files; one of its findings then says so."""


class Suppression(Frozen):
    """A finding that a person looked at and accepts for a while."""

    tool: str
    rule: str
    path: str
    """A tree path, or a pattern such as ``tests/*``."""
    reason: str = Field(min_length=10)
    """A sentence."""
    until: date
    """The last day on which it counts."""


class Suppressed(Frozen):
    finding: Finding
    by: Suppression


class ScanReport(Frozen):
    """All scanners on one tree. Nothing is left out in silence: what could not be looked at is a finding."""

    tree: Digest
    tools: tuple[ToolReport, ...]
    findings: tuple[Finding, ...]
    """Worst first, without those that are suppressed."""
    suppressed: tuple[Suppressed, ...] = ()

    @property
    def counts(self) -> dict[Severity, int]:
        return dict(Counter(finding.severity for finding in self.findings))
