"""The forty briefs through the whole product: submitted, carried out, and judged by their hidden acceptance.

The run sees the brief as a user would write it; the acceptance tests judge the tree of the finished capsule
and are seen by nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from jobs.briefs import Brief, judge, load_briefs
from jobs.ledger import Ledger, LedgerRow, open_ledger
from jobs.paired import wilson
from jobs.plan import Plan, Setup, carry_out, do_missing, open_for
from jobs.progress import ProgressLine
from jobs.scoring import decided
from qlayer.app.build import Platform
from qlayer.app.settings import Settings
from qlayer.cli.render import table
from qlayer.errors import InputError
from qlayer.types.check import Level
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, ModelId, digest_of
from qlayer.types.run import Decided, RunRecord, RunStatus, Sampled, SlotSettled
from qlayer.types.verdict import Outcome, Verdict

SUITE = "briefs"


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


async def run_brief(platform: Platform, plan: Plan, key: Digest, brief: Brief) -> BriefResult:
    """One brief from request to score. Raises what trying again can help with."""
    record = await carry_out(platform.pipeline, plan.request(brief.text), key)
    return _result(record, plan, key, brief, accepted=await _accepted(platform, record, brief))


async def _accepted(platform: Platform, record: RunRecord, brief: Brief) -> bool:
    if record.capsule is None:
        return False
    _, tree = await platform.capsules.load(record.capsule)

    async def verdict() -> Verdict:
        return (await judge(brief, tree, platform.sandbox)).verdict

    return await decided(brief.id, verdict) is Outcome.ACCEPTED


def _result(record: RunRecord, plan: Plan, key: Digest, brief: Brief, *, accepted: bool) -> BriefResult:
    bodies = [event.body for event in record.events]
    decision = next((body.decision for body in bodies if isinstance(body, Decided)), None)
    settled = [body for body in bodies if isinstance(body, SlotSettled)]
    end = record.finished
    return BriefResult(
        key=key,
        brief=brief.id,
        family=brief.family,
        seed=plan.seed,
        run_id=record.id,
        status=record.status,
        level=decision.level if decision is not None else None,
        allowed=decision is not None and decision.allow,
        accepted=accepted,
        slots=len(settled),
        solved=sum(body.solved for body in settled),
        samples=sum(isinstance(body, Sampled) for body in bodies),
        tokens=record.usage.completion_tokens,
        seconds=end.seconds if end is not None else 0.0,
        reason=end.reason if end is not None else "",
    )


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


def chosen_briefs(first: int, limit: int | None) -> tuple[Brief, ...]:
    """By the order of their names. Raises `InputError` when none is left."""
    briefs = load_briefs()[first : None if limit is None else first + limit]
    if not briefs:
        raise InputError("no brief is left after --first and --limit", field="limit")
    return briefs


async def evaluate_briefs(
    settings: Settings, setup: Setup, briefs: Sequence[Brief], *, quiet: bool
) -> BriefReport:
    """Do what the ledger ``briefs.jsonl`` in the folder lacks; the report of all that is done."""
    async with open_for(settings, setup) as platform:
        with open_ledger(setup.out / "briefs.jsonl", BriefResult) as ledger:
            return await run_briefs(platform, setup, briefs, ledger, quiet=quiet)


async def run_briefs(
    platform: Platform, setup: Setup, briefs: Sequence[Brief], ledger: Ledger[BriefResult], *, quiet: bool
) -> BriefReport:
    """As `evaluate_briefs`, over an open platform."""
    plans = await Plan.for_seeds(platform, setup, SUITE)
    items = [(plan.key(digest_of(brief)), (plan, brief)) for plan in plans for brief in briefs]

    async def work(key: Digest, item: tuple[Plan, Brief]) -> BriefResult:
        return await run_brief(platform, item[0], key, item[1])

    progress = ProgressLine(_said, quiet=quiet)
    done = await do_missing(items, work, ledger, progress, setup.concurrency)
    return summarise(
        platform.settings.model, setup.seeds, done.rows, resumed=done.resumed, incomplete=done.incomplete
    )


def _said(rows: Sequence[BriefResult]) -> str:
    return f"V2 {sum(row.proved for row in rows)}  accepted {sum(row.accepted for row in rows)}/{len(rows)}"


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
