"""The scan of a finished project as a recorded step: what tools say of its source without running it.

It decides nothing in the run. It is part of the capsule's evidence, and a release policy looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from qlayer.pipeline.journal import Journal
from qlayer.scan.base import Scanner
from qlayer.scan.cache import FindingsCache
from qlayer.scan.run import scan
from qlayer.types.run import Scanned
from qlayer.types.scan import ScanReport, Suppression
from qlayer.types.source import SourceTree


@dataclass(frozen=True)
class Scanning:
    """Which scanners look at a project, and where their answers are kept."""

    every: Sequence[Scanner]
    """For each run."""
    release: Sequence[Scanner]
    """For a run that ends in a release."""
    cache: FindingsCache | None = None
    accepted: Sequence[Suppression] = ()
    """Findings that a person accepts for a while."""
    today: Callable[[], date] | None = None
    """Decides which of them still count; None: all."""

    async def look(self, tree: SourceTree, *, release: bool = False) -> ScanReport:
        """What the scanners say of a tree now. A tool that breaks is a finding, not an error."""
        return await scan(
            tree,
            self.release if release else self.every,
            cache=self.cache,
            suppressions=self.accepted,
            today=self.today() if self.today is not None else None,
        )

    async def scan(self, journal: Journal, tree: SourceTree) -> ScanReport:
        """Scan a run's project once, and record it."""
        release = (await journal.record()).request.release_to is not None

        async def make() -> Scanned:
            return Scanned(report=await self.look(tree, release=release))

        return (await journal.step("scan", [tree.digest, release], Scanned, make)).report
