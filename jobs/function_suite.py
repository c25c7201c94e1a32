"""A benchmark of functions through the whole product: greedy against the loop, from the same runs.

The loop sees the prompt and nothing else. The first attempt of a run is its greedy sample, so one run gives
both numbers. After the run every distinct program of it is judged by the hidden tests, so that what a better
or a blind choice would have given is known too; they only score and never touch the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from jobs.benchmarks import Task
from jobs.ledger import Ledger, open_ledger
from jobs.plan import Plan, Setup, open_for
from jobs.progress import ProgressLine
from jobs.report import Report, summarise
from jobs.rescue import refused
from jobs.results import JudgedCandidate, TaskResult
from jobs.resumable import Done, carry_out, do_missing
from jobs.scoring import hidden_outcome
from jobs.slotted import TEMPLATE, Slotted
from qlayer.app.build import Platform
from qlayer.app.settings import Settings
from qlayer.errors import InputError
from qlayer.generation.extract import extract_code
from qlayer.generation.splice import fill
from qlayer.types.ids import Digest, digest_of
from qlayer.types.run import AttemptKind, Checked, Decided, RunRecord, Sampled, SlotSettled, SpecParsed
from qlayer.types.verdict import Outcome

Body = TypeVar("Body")


@dataclass(frozen=True)
class FunctionSuite:
    """One benchmark under one plan, over an open platform."""

    platform: Platform
    plan: Plan

    async def run(self, key: Digest, task: Task) -> TaskResult:
        """One task from request to score. Raises what trying again can help with."""
        request = self.plan.request(task.text, TEMPLATE)
        record = await carry_out(self.platform.pipeline, request, key)
        return fold(record, key, task.id, await self._judged(task, record))

    async def _judged(self, task: Task, record: RunRecord) -> tuple[JudgedCandidate, ...]:
        """Every program of the run, each distinct one judged once. Raises `SandboxError`."""
        seen = Slotted.of(task)
        slot, tree = seen.slot, seen.skeleton.tree
        answers = {b.attempt: b for b in _bodies(record, Sampled) if b.attempt_kind != AttemptKind.ASSERTS}
        known: dict[Digest, Outcome] = {}
        judged = []
        for checked in _last_checked(record):
            candidate, answer = checked.candidate, answers[checked.attempt]
            program = candidate.ast_digest or digest_of(candidate.code)
            if not candidate.runnable:
                known[program] = Outcome.COMPILE_ERROR
            elif program not in known:
                filled = fill(tree, slot, candidate.code)
                known[program] = await hidden_outcome(task, slot, filled, self.platform.sandbox)
            text = (await self.platform.blobs.get(answer.completion)).decode()
            one = JudgedCandidate(
                attempt=checked.attempt,
                kind=answer.attempt_kind,
                program=program,
                hidden=known[program],
                fixes=candidate.fixes,
                broken=refused(extract_code(text, slot), slot),
            )
            judged.append(one)
        return tuple(judged)


def fold(record: RunRecord, key: Digest, task: str, judged: Sequence[JudgedCandidate]) -> TaskResult:
    """A run's record and the truth about its programs, as one row. Pure."""
    checked = {body.attempt: body.candidate for body in _last_checked(record)}
    whole = {body.attempt for body in _bodies(record, Sampled) if body.finish_reason == "stop"}
    kept = next((body.kept for body in _bodies(record, SlotSettled)), None)
    decision = next((body.decision for body in _bodies(record, Decided)), None)
    truth = {one.attempt: one.hidden for one in judged}
    greedy = truth.get(0, Outcome.COMPILE_ERROR)
    parsed = {n for n, one in checked.items() if not any(d.rule == "syntax" for d in one.diagnoses)}
    end = record.finished
    return TaskResult(
        key=key,
        task=task,
        seed=record.request.seed,
        run_id=record.id,
        greedy=greedy,
        final=Outcome.COMPILE_ERROR if kept is None else truth[kept],
        level=decision.level if decision is not None else None,
        allowed=decision is not None and decision.allow,
        candidates=tuple(judged),
        examples=sum(len(body.spec.examples) for body in _bodies(record, SpecParsed)),
        samples=len(checked),
        cut_off=sum(attempt not in whole for attempt in checked),
        extracted=len(parsed & whole),
        greedy_tokens=checked[0].usage.completion_tokens if 0 in checked else 0,
        tokens=record.usage.completion_tokens,
        seconds=end.seconds if end is not None else 0.0,
        reason=end.reason if end is not None else "",
    )


def _bodies(record: RunRecord, kind: type[Body]) -> list[Body]:
    return [event.body for event in record.events if isinstance(event.body, kind)]


def _last_checked(record: RunRecord) -> list[Checked]:
    """By attempt: one that was checked again after an answer counts once."""
    return list({body.attempt: body for body in sorted(_bodies(record, Checked), key=_attempt)}.values())


def _attempt(body: Checked) -> int:
    return body.attempt


async def evaluate_functions(
    settings: Settings, setup: Setup, benchmark: str, tasks: Sequence[Task], *, quiet: bool
) -> tuple[Report, tuple[TaskResult, ...]]:
    """Do what the ledger ``results.jsonl`` in the folder lacks; the report of all that is done, and its rows.

    Raises `InputError` when nothing could be done, and what `open_for` raises.
    """
    async with open_for(settings, setup) as platform:
        with open_ledger(setup.out / "results.jsonl", TaskResult) as ledger:
            done = await run_functions(platform, setup, benchmark, tasks, ledger, quiet=quiet)
    if not done.rows:
        raise InputError("no task could be finished: the log lacks an answer for each", field="log")
    report = summarise(
        benchmark,
        settings.model,
        done.rows,
        resumed=done.resumed,
        incomplete=done.incomplete,
        replay_only=setup.replay_only,
    )
    return report, done.rows


async def run_functions(
    platform: Platform,
    setup: Setup,
    benchmark: str,
    tasks: Sequence[Task],
    ledger: Ledger[TaskResult],
    *,
    quiet: bool,
) -> Done[TaskResult]:
    """All tasks under all seeds, over an open platform."""
    plans = await Plan.for_seeds(platform, setup, benchmark)
    items = [(plan.key(task.digest), (plan, task)) for plan in plans for task in tasks]

    async def work(key: Digest, item: tuple[Plan, Task]) -> TaskResult:
        return await FunctionSuite(platform, item[0]).run(key, item[1])

    return await do_missing(items, work, ledger, ProgressLine(_said, quiet=quiet), setup.concurrency)


def _said(rows: Sequence[TaskResult]) -> str:
    greedy, right = sum(row.greedy_right for row in rows), sum(row.right for row in rows)
    return f"greedy {greedy}/{len(rows)}  loop {right}/{len(rows)}"
