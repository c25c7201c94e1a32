"""Evaluate the product on a benchmark: greedy against the loop, from the same runs.

Each task goes through the whole pipeline as a user's request would; the loop sees the prompt and nothing
else. The first attempt of a run is its greedy sample, so one run gives both numbers. Hidden tests only score,
in split mode, and never touch the run. A ledger keyed by content makes the job resumable: killed at any
point, a rerun repeats no finished task, and the one under way goes on from its last recorded step.

Run it as a Ray Job (``python -m jobs.submit evaluate -- --benchmark humaneval``) or directly
(``python -m jobs.evaluate --benchmark humaneval``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Annotated

import typer

from jobs.benchmarks import Task, load_tasks
from jobs.ending import explained
from jobs.ledger import Ledger, LedgerRow, open_ledger
from jobs.logs import logged
from jobs.report import ProgressLine, print_report, summarise, write_report
from qlayer import __version__
from qlayer.app.build import Platform, build_llm, open_platform
from qlayer.app.settings import Settings, load_settings
from qlayer.errors import InputError, SandboxError
from qlayer.generation.base import Slot
from qlayer.generation.splice import fill
from qlayer.generation.templates import choose
from qlayer.llm.base import LLM
from qlayer.llm.catalogue import Catalogue
from qlayer.sandbox.base import Limits, SplitJob
from qlayer.types.candidate import Candidate
from qlayer.types.ids import Digest, ModelId, digest_of
from qlayer.types.run import Checked, Decided, RunRecord, RunRequest, Sampled, SlotSettled, SpecParsed
from qlayer.types.source import SourceTree
from qlayer.types.usage import Budget
from qlayer.types.verdict import Outcome

SCORING_LIMITS = Limits(wall_s=90.0, cpu_s=15.0, idle_s=30.0)
"""For hidden tests; the slowest canonical HumanEval solution needs under two CPU seconds. The wall is far off
so that an endless loop meets the CPU's limit also on a busy host, where a wall would decide nothing."""


class TaskResult(LedgerRow):
    """What became of one task."""

    task: str
    run_id: str
    greedy: Outcome
    """Hidden tests on the first sample."""
    final: Outcome
    """Hidden tests on what the loop kept."""
    level: str | None
    """Level of the capsule: V2 means that all trusted tests passed."""
    examples: int
    """Trusted examples found in the prompt."""
    samples: int
    cut_off: int = 0
    """Samples that ended at the cap on tokens instead of by themselves."""
    extracted: int
    """Of the samples that ended by themselves, those that gave a parsable function."""
    greedy_tokens: int
    tokens: int
    """Generated tokens of all samples."""
    seconds: float
    reason: str


def item_key(plan_digest: Digest, task: Task) -> Digest:
    return digest_of([plan_digest, task.digest])


class Evaluation:
    """One benchmark on one model over an open platform."""

    def __init__(
        self, platform: Platform, ledger: Ledger[TaskResult], model: ModelId, budget: Budget, plan: Digest
    ) -> None:
        self._platform = platform
        self._ledger = ledger
        self._model = model
        self._budget = budget
        self._plan = plan

    async def run(self, tasks: Iterable[Task], concurrency: int, progress: ProgressLine) -> None:
        """Do what the ledger lacks, `concurrency` tasks at a time, in order."""
        missing = iter([task for task in tasks if item_key(self._plan, task) not in self._ledger])

        async def worker() -> None:
            for task in missing:
                result = await self._task(task)
                self._ledger.add(result)
                progress.advance(result)

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(worker())

    async def _task(self, task: Task) -> TaskResult:
        key = item_key(self._plan, task)
        request = RunRequest(
            text=task.text, template="function", model=self._model, budget=self._budget, origin="job"
        )
        pipeline = self._platform.pipeline
        run_id, _ = await pipeline.submit(request, idempotency_key=key)
        record = await pipeline.execute(run_id, owner=f"evaluate-{key[7:19]}")
        return await self._score(task, key, record)

    async def _score(self, task: Task, key: Digest, record: RunRecord) -> TaskResult:
        bodies = [event.body for event in record.events]
        spec = next(b.spec for b in bodies if isinstance(b, SpecParsed))
        checked = {b.attempt: b for b in bodies if isinstance(b, Checked)}
        whole = {b.attempt for b in bodies if isinstance(b, Sampled) and b.finish_reason == "stop"}
        kept = next((b.kept for b in bodies if isinstance(b, SlotSettled)), None)
        decided = next((b for b in bodies if isinstance(b, Decided)), None)
        skeleton = choose(spec)[0].instantiate(spec)
        (slot,) = skeleton.slots
        greedy = await self._judge(task, slot, skeleton.tree, checked[0].candidate if 0 in checked else None)
        final = greedy
        if kept not in (0, None):
            final = await self._judge(task, slot, skeleton.tree, checked[kept].candidate)
        return TaskResult(
            key=key,
            task=task.id,
            run_id=record.id,
            greedy=greedy,
            final=final,
            level=decided.decision.level if decided is not None else None,
            examples=len(spec.examples),
            samples=len(checked),
            cut_off=sum(attempt not in whole for attempt in checked),
            extracted=sum(attempt in whole and _parsed(b.candidate) for attempt, b in checked.items()),
            greedy_tokens=checked[0].candidate.usage.completion_tokens if 0 in checked else 0,
            tokens=record.usage.completion_tokens,
            seconds=record.finished.seconds if record.finished is not None else 0.0,
            reason=record.finished.reason if record.finished is not None else "",
        )

    async def _judge(self, task: Task, slot: Slot, tree: SourceTree, candidate: Candidate | None) -> Outcome:
        """Hidden tests on one candidate. Raises `SandboxError` when the platform broke twice over."""
        if candidate is None or not candidate.runnable:
            return Outcome.COMPILE_ERROR
        job = SplitJob(
            tree=fill(tree, slot, candidate.code),
            module=slot.module,
            function=task.entry_point,
            tests=task.tests,
        )
        for _ in range(3):
            verdict = (await self._platform.sandbox.run(job, SCORING_LIMITS)).verdict
            if verdict.outcome not in (Outcome.SANDBOX_ERROR, Outcome.NO_VERDICT):
                return verdict.outcome
        raise SandboxError(f"{task.id} could not be judged: {verdict.cause}")


def _parsed(candidate: Candidate) -> bool:
    return not any(diagnosis.rule == "syntax" for diagnosis in candidate.diagnoses)


def some_of(tasks: tuple[Task, ...], random: int | None) -> tuple[Task, ...]:
    """A fixed random subset, in the file's order: the same one on every machine. Raises `InputError`."""
    if random is None:
        return tasks
    if random > len(tasks):
        raise InputError("the benchmark has fewer tasks", field="random", limit=f"at most {len(tasks)}")
    return tuple(tasks[at] for at in sorted(Random(0).sample(range(len(tasks)), random)))


@asynccontextmanager
async def model_for(settings: Settings, log: Path | None) -> AsyncIterator[LLM | None]:
    """The model behind its log; None, so that the platform opens its own, when there is no log."""
    if log is None:
        yield None
        return
    llm = build_llm(settings, Catalogue.load(settings.catalogue))
    try:
        with logged(log, llm) as answers:
            yield answers
            typer.echo(f"{answers.replayed} answers replayed, {answers.missed} asked of the model", err=True)
    finally:
        await llm.aclose()


async def evaluate(
    settings: Settings,
    *,
    benchmark: str,
    first: int,
    limit: int | None,
    out: Path,
    concurrency: int,
    as_json: bool,
    random: int | None = None,
    log: Path | None = None,
) -> None:
    """Run the evaluation and write ``results.jsonl`` (the ledger) and ``report.json`` into `out`."""
    tasks = some_of(load_tasks(benchmark), random)[first : None if limit is None else first + limit]
    if not tasks:
        raise InputError("no task is left after --first and --limit", field="limit")
    name = Path(benchmark).name
    plan = digest_of([name, settings.model, settings.budget, __version__])
    own = settings.model_copy(
        update={"records_url": f"sqlite+aiosqlite:///{out / 'runs.db'}", "blobs_url": str(out / "blobs")}
    )
    with open_ledger(out / "results.jsonl", TaskResult) as ledger:
        done_before = sum(item_key(plan, task) in ledger for task in tasks)
        progress = ProgressLine(total=len(tasks), done=done_before, quiet=as_json)
        async with model_for(own, log) as llm, open_platform(own, llm=llm) as platform:
            with progress:
                await Evaluation(platform, ledger, settings.model, settings.budget, plan).run(
                    tasks, concurrency, progress
                )
        keys = {item_key(plan, task) for task in tasks}
        report = summarise(name, settings.model, [row for row in ledger.rows if row.key in keys], done_before)
    write_report(report, out / "report.json")
    print_report(report, as_json=as_json)


def main(
    benchmark: Annotated[str, typer.Option(help="humaneval, or a JSONL file")] = "humaneval",
    model: Annotated[
        str | None, typer.Option(help="id of the catalogue; default: the configured one")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder of the ledger; the same one resumes")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="how many tasks")] = None,
    first: Annotated[int, typer.Option(min=0, help="index of the first task")] = 0,
    random: Annotated[int | None, typer.Option(min=1, help="a fixed random subset of so many tasks")] = None,
    log: Annotated[
        Path | None,
        typer.Option(help="answers to replay (jobs.draw); missing ones are added"),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="tasks at once")] = 2,
    llm_url: Annotated[str | None, typer.Option(help="OpenAI-compatible server; default: settings")] = None,
    budget_tokens: Annotated[int, typer.Option(min=1, help="generated tokens a task")] = 6_000,
    budget_seconds: Annotated[float, typer.Option(min=1, help="seconds a task")] = 3_600.0,
    json_output: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
) -> None:
    """Greedy against the loop on a benchmark; resumable, hidden tests only score."""
    with explained():
        settings = load_settings(
            model=model, llm_url=llm_url, budget=Budget(tokens=budget_tokens, seconds=budget_seconds)
        )
        folder = out or settings.data_dir / "evaluations" / f"{Path(benchmark).stem}-{settings.model}"
        asyncio.run(
            evaluate(
                settings,
                benchmark=benchmark,
                first=first,
                limit=limit,
                out=folder.resolve(),
                concurrency=concurrency,
                as_json=json_output,
                random=random,
                log=log,
            )
        )


if __name__ == "__main__":
    typer.run(main)
