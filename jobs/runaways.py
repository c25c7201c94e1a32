"""Hostile requests to bad models: every run must end inside its budget, with a reason, and not nag.

Twenty-five requests (`hostile_briefs`) times eight models that misbehave (`nasty`) go through the whole
pipeline with the real sandbox; ``--real`` asks the configured model instead. Each run is judged from its
record and from what the model was asked (`runaway_checks`). Exit status 1 when one violates a rule. A ledger
keyed by content makes the job resumable, like all jobs.

``python -m jobs.runaways``, or ``make runaways``
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from jobs.ending import explained
from jobs.hostile_briefs import HOSTILE_BRIEFS, HostileBrief
from jobs.ledger import Ledger, LedgerRow, open_ledger
from jobs.nasty import BEHAVIOURS, NastyModels, Overheard, nasty_id
from jobs.runaway_checks import Allowed, Told, count_told, violations
from jobs.runaway_report import RunawayProgress, print_report, summarise
from qlayer import __version__
from qlayer.app.build import Platform, build_llm, build_sandbox, open_platform
from qlayer.app.settings import Settings, load_settings
from qlayer.errors import ConflictError, InputError, QlayerError
from qlayer.llm.base import LLM, Message
from qlayer.llm.catalogue import Catalogue
from qlayer.sandbox.base import Limits, PytestJob, Sandbox, SandboxInfo, SandboxJob, SandboxResult, ValuesJob
from qlayer.types.ids import Digest, ModelId, RunId, digest_of
from qlayer.types.run import RunRecord, RunRequest
from qlayer.types.usage import Budget
from qlayer.validation.checks import PROJECT_LIMITS

REAL = "real"
"""The behaviour of the configured model."""
PATIENCE = 3
"""A run is given up, and counts as endless, after so many times its budget and grace."""

TESTS_CPU = 4
"""pytest alone takes a second to load on a slow machine."""


class PromptRow(LedgerRow):
    """What a model was asked. The key is the digest that a run's record names it by."""

    messages: tuple[Message, ...]


class RunawayRow(LedgerRow):
    """What became of one request with one model."""

    brief: str
    behaviour: str
    run_id: str | None
    """None: refused before a run began."""
    status: str
    reason: str
    tokens: int
    seconds: float
    """Of the run by its record; of the refusal where there is none."""
    asked: int
    """Prompts that the model got."""
    told: Told
    violations: tuple[str, ...]


class Item(NamedTuple):
    """One run to make."""

    key: Digest
    brief: HostileBrief
    behaviour: str

    @property
    def model(self) -> ModelId | None:
        return None if self.behaviour == REAL else nasty_id(self.behaviour)


class HurriedSandbox:
    """Another sandbox in which calls and tests may use less CPU, so that endless programs take minutes.

    Tests get `TESTS_CPU` times as much as calls; what a project needs to load stays as it is.
    """

    def __init__(self, inner: Sandbox, call_cpu_s: float) -> None:
        self._inner = inner
        self._call_cpu_s = call_cpu_s

    @property
    def info(self) -> SandboxInfo:
        return self._inner.info

    async def run(self, job: SandboxJob, limits: Limits | None = None) -> SandboxResult:
        limits = limits or Limits()
        if isinstance(job, ValuesJob) and job.driver == "call" and job.cases:
            limits = _at_most(limits, self._call_cpu_s)
        elif isinstance(job, PytestJob):
            limits = _at_most(limits, TESTS_CPU * self._call_cpu_s)
        return await self._inner.run(job, limits)

    async def __aenter__(self) -> HurriedSandbox:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._inner.__aexit__(*exc)


def _at_most(limits: Limits, cpu_s: float) -> Limits:
    return limits.model_copy(update={"cpu_s": min(limits.cpu_s, cpu_s)})


def items(briefs: Iterable[HostileBrief], behaviours: Sequence[str], plan: Digest) -> tuple[Item, ...]:
    return tuple(
        Item(digest_of([plan, list(brief), behaviour]), brief, behaviour)
        for behaviour in behaviours
        for brief in briefs
    )


class Runaways:
    """The runs over an open platform; `prompts` is what the models were asked, in this session and before."""

    def __init__(self, platform: Platform, prompts: Ledger[PromptRow], allowed: Allowed) -> None:
        self._platform = platform
        self._prompts = prompts
        self._allowed = allowed

    async def run(
        self, todo: Iterable[Item], ledger: Ledger[RunawayRow], concurrency: int, progress: RunawayProgress
    ) -> None:
        """Do what the ledger lacks, `concurrency` runs at a time, in order."""
        missing = iter([item for item in todo if item.key not in ledger])

        async def worker() -> None:
            for item in missing:
                row = await self._one(item)
                ledger.add(row)
                progress.advance(row)

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(worker())

    async def _one(self, item: Item) -> RunawayRow:
        request = RunRequest(
            text=item.brief.text,
            template=item.brief.template,
            model=item.model,
            budget=self._allowed.budget,
            origin="job",
        )
        began = time.monotonic()
        try:
            run_id, _ = await self._platform.pipeline.submit(request, idempotency_key=item.key)
        except InputError as error:
            return _refused(item, error, time.monotonic() - began, self._allowed)
        broken = await self._carry(run_id, item)
        return self._judged(item, await self._platform.records.run(run_id), broken)

    async def _carry(self, run_id: RunId, item: Item) -> str | None:
        """Run to the end, or until patience ends; what no part of the product caught, as a sentence.

        Raises what can be tried again.
        """
        patience_s = PATIENCE * (self._allowed.budget.seconds + self._allowed.grace_s)
        try:
            async with asyncio.timeout(patience_s):
                await self._platform.pipeline.execute(run_id, owner=f"runaways-{item.key[7:19]}")
        except TimeoutError:
            return None
        except QlayerError as error:
            if error.retryable or isinstance(error, ConflictError):
                raise
        except Exception as error:  # finding these is what the job is for
            return f"it broke with {type(error).__name__}: {error}"
        return None

    def _judged(self, item: Item, record: RunRecord, broken: str | None) -> RunawayRow:
        told = count_told(record, {row.key: row.messages for row in self._prompts.rows})
        end = record.finished
        return RunawayRow(
            key=item.key,
            brief=item.brief.name,
            behaviour=item.behaviour,
            run_id=record.id,
            status=record.status.value,
            reason=end.reason if end is not None else "",
            tokens=record.usage.completion_tokens,
            seconds=end.seconds if end is not None else 0.0,
            asked=sum(event.body.kind == "sampled" for event in record.events),
            told=told,
            violations=(*filter(None, [broken]), *violations(record, told, self._allowed)),
        )


def _refused(item: Item, error: InputError, seconds: float, allowed: Allowed) -> RunawayRow:
    """A refusal ends what never began; it owes a sentence and must come at once."""
    wrong = [] if error.message.strip() else ["it was refused without a reason"]
    if seconds > allowed.grace_s:
        wrong.append(f"refusing it took {seconds:.1f} s")
    return RunawayRow(
        key=item.key,
        brief=item.brief.name,
        behaviour=item.behaviour,
        run_id=None,
        status="refused",
        reason=error.message,
        tokens=0,
        seconds=seconds,
        asked=0,
        told=Told(0, 0, 0),
        violations=tuple(wrong),
    )


async def runaways(
    settings: Settings,
    *,
    todo: Sequence[Item],
    allowed: Allowed,
    call_cpu_s: float,
    out: Path,
    concurrency: int,
    as_json: bool,
) -> bool:
    """Make the runs and write ``runs.jsonl`` (the ledger), ``prompts.jsonl`` and ``report.json`` into `out`.

    Returns whether every run kept the rules.
    """
    own = settings.model_copy(
        update={"records_url": f"sqlite+aiosqlite:///{out / 'runs.db'}", "blobs_url": str(out / "blobs")}
    )
    with (
        open_ledger(out / "runs.jsonl", RunawayRow) as ledger,
        open_ledger(out / "prompts.jsonl", PromptRow) as prompts,
    ):

        def keep(digest: Digest, messages: tuple[Message, ...]) -> None:
            if digest not in prompts:
                prompts.add(PromptRow(key=digest, messages=messages))

        behind = _model(settings, todo)
        sandbox = HurriedSandbox(build_sandbox(own), call_cpu_s)
        progress = RunawayProgress(total=len(todo), done=sum(i.key in ledger for i in todo), quiet=as_json)
        try:
            async with sandbox, open_platform(own, llm=Overheard(behind, keep), sandbox=sandbox) as platform:
                with progress:
                    await Runaways(platform, prompts, allowed).run(todo, ledger, concurrency, progress)
        finally:
            await behind.aclose()
        wanted = {item.key for item in todo}
        report = summarise([row for row in ledger.rows if row.key in wanted], allowed)
    (out / "report.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    print_report(report, as_json=as_json)
    return not report.violations


def _model(settings: Settings, todo: Sequence[Item]) -> LLM:
    real = any(item.behaviour == REAL for item in todo)
    return build_llm(settings, Catalogue.load(settings.catalogue)) if real else NastyModels()


def main(
    real: Annotated[
        bool, typer.Option("--real", help="ask the configured model instead of bad ones")
    ] = False,
    model: Annotated[str | None, typer.Option(help="id of the catalogue, for --real")] = None,
    behaviour: Annotated[
        list[str] | None, typer.Option(help="one of the bad models; repeatable; default: all")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="how many requests of each model")] = None,
    out: Annotated[Path | None, typer.Option(help="folder of the ledger; the same one resumes")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="runs at once")] = 4,
    budget_tokens: Annotated[int, typer.Option(min=1, help="generated tokens a run")] = 1_500,
    budget_seconds: Annotated[float, typer.Option(min=1, help="seconds a run")] = 10.0,
    grace_seconds: Annotated[
        float, typer.Option(min=0, help="seconds beyond the budget: what one check of a project may take")
    ] = PROJECT_LIMITS.wall_s,
    call_cpu_seconds: Annotated[float, typer.Option(min=0.1, help="CPU seconds of a check of calls")] = 1.0,
    json_output: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
) -> None:
    """Check that no request and no model keeps a run from its end; resumable."""
    with explained():
        chosen = (REAL,) if real else tuple(behaviour or BEHAVIOURS)
        if unknown := set(chosen) - {REAL, *BEHAVIOURS}:
            raise InputError(
                f"there is no bad model {sorted(unknown)[0]!r}",
                field="behaviour",
                hint=f"choose among: {', '.join(BEHAVIOURS)}",
            )
        settings = load_settings(model=model)
        allowed = Allowed(Budget(tokens=budget_tokens, seconds=budget_seconds), grace_seconds)
        plan = digest_of([settings.model if real else "", *allowed, call_cpu_seconds, __version__])
        folder = out or settings.data_dir / "runaways" / (settings.model if real else "nasty")
        kept = asyncio.run(
            runaways(
                settings,
                todo=items(HOSTILE_BRIEFS[:limit], chosen, plan),
                allowed=allowed,
                call_cpu_s=call_cpu_seconds,
                out=folder.resolve(),
                concurrency=concurrency,
                as_json=json_output,
            )
        )
    raise typer.Exit(0 if kept else 1)


if __name__ == "__main__":
    typer.run(main)
