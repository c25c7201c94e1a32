"""What the suite of briefs says: family by family, how many are proved, accepted, and at what cost."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from jobs.ledger import LedgerRow
from jobs.paired import wilson
from qlayer.cli.render import table
from qlayer.types.check import Level
from qlayer.types.frozen import Frozen
from qlayer.types.ids import ModelId
from qlayer.types.run import RunStatus


class BriefResult(LedgerRow):
    """What became of one brief under one seed."""

    brief: str
    family: str
    seed: int
    run_id: str
    status: RunStatus
    level: str | None
    """Of the capsule; None without one."""
    allowed: bool
    """The platform's own decision, which knows the brief's examples only."""
    accepted: bool
    """All hidden acceptance tests pass on the capsule's tree."""
    slots: int
    """That a model was to fill, of those that were reached."""
    solved: int
    samples: int
    tokens: int
    """Generated."""
    seconds: float
    """Of work; of a run with a log they tell nothing about the model."""
    reason: str

    @property
    def proved(self) -> bool:
        """V2 or more: every example of the brief holds, and there is at least one."""
        return self.level is not None and self.level >= Level.V2


class FamilyReport(Frozen):
    """The briefs of one family, or all. Rates are of the runs (briefs times seeds), 0 to 1."""

    family: str
    runs: int
    proved: int
    accepted: int
    accepted_interval: tuple[float, float]
    """Wilson's, 95 %."""
    allowed_wrong: int
    """The platform said yes and the acceptance says no."""
    seconds_mean: float
    tokens_mean: float


class BriefReport(Frozen):
    """The suite, summed up."""

    model: ModelId
    seeds: tuple[int, ...]
    resumed: int
    """Runs that were in the ledger before."""
    incomplete: int
    """Runs left out of every number: the log lacks an answer."""
    families: tuple[FamilyReport, ...]
    """The last one is ``all``."""


def summarise(
    model: ModelId,
    seeds: Sequence[int],
    rows: Sequence[BriefResult],
    *,
    resumed: int = 0,
    incomplete: int = 0,
) -> BriefReport:
    """Fold the ledger's rows, family by family and all together. Pure."""
    names = sorted({row.family for row in rows})
    return BriefReport(
        model=model,
        seeds=tuple(seeds),
        resumed=resumed,
        incomplete=incomplete,
        families=(
            *(_family(name, [row for row in rows if row.family == name]) for name in names),
            _family("all", rows),
        ),
    )


def _family(name: str, rows: Sequence[BriefResult]) -> FamilyReport:
    accepted = sum(row.accepted for row in rows)
    runs = max(1, len(rows))
    return FamilyReport(
        family=name,
        runs=len(rows),
        proved=sum(row.proved for row in rows),
        accepted=accepted,
        accepted_interval=wilson(accepted, len(rows)),
        allowed_wrong=sum(row.allowed and not row.accepted for row in rows),
        seconds_mean=sum(row.seconds for row in rows) / runs,
        tokens_mean=sum(row.tokens for row in rows) / runs,
    )


def brief_table(report: BriefReport) -> Table:
    """For people."""
    seeds = f", {len(report.seeds)} seeds" if len(report.seeds) > 1 else ""
    left_out = f"; {report.incomplete} incomplete runs left out" if report.incomplete else ""
    return table(
        *("family", "runs", "V2 or more", "pass acceptance", "signed but wrong", "tokens", "seconds"),
        rows=[_cells(row) for row in report.families],
        title=f"briefs with {report.model}{seeds}{left_out}",
    )


def _cells(row: FamilyReport) -> tuple[str, ...]:
    low, high = row.accepted_interval
    runs = max(1, row.runs)
    return (
        row.family,
        str(row.runs),
        f"{row.proved} ({row.proved / runs:.0%})",
        f"{row.accepted} ({row.accepted / runs:.0%}, 95 %: {low:.0%} to {high:.0%})",
        str(row.allowed_wrong),
        f"{row.tokens_mean:.0f}",
        f"{row.seconds_mean:.1f}",
    )
