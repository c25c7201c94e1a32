"""The forty briefs through the whole product: submitted, carried out, and judged by their hidden acceptance.

The run sees the brief as a user would write it; the acceptance tests judge the tree of the finished capsule
and are seen by nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence

from jobs.brief_report import BriefReport, BriefResult, summarise
from jobs.briefs import Brief, judge, load_briefs
from jobs.ledger import Ledger, open_ledger
from jobs.plan import Plan, Setup, open_for
from jobs.progress import ProgressLine
from jobs.resumable import carry_out, do_missing
from jobs.scoring import decided
from qlayer.app.build import Platform
from qlayer.app.settings import Settings
from qlayer.errors import InputError
from qlayer.types.ids import Digest, digest_of
from qlayer.types.run import Decided, RunRecord, Sampled, SlotSettled
from qlayer.types.verdict import Outcome, Verdict

SUITE = "briefs"


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
