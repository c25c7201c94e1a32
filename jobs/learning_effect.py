"""What twenty corrections of one kind do for twenty other briefs of that kind, before and after.

Every step goes through the product: runs of the pipeline, corrections by `Editing`, recall by `Learning`. The
hidden tests judge the finished capsules and are seen by nobody else. Runs and corrections are on record in
the job's own data folder, so the job goes on where it was stopped, and the same command twice does nothing
twice.

Run it directly: ``python -m jobs.learning_effect --out DIR [--seconds 280]``.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import typer

from jobs.ending import explained
from jobs.house_briefs import CORRECTED, HELD_OUT, HouseBrief
from jobs.paired import mcnemar
from qlayer.app.build import Platform, open_platform
from qlayer.app.settings import Settings, load_settings
from qlayer.errors import QlayerError
from qlayer.pipeline.editing import EditRequest
from qlayer.pipeline.pipeline import Pipeline
from qlayer.types.frozen import Frozen
from qlayer.types.ids import RunId
from qlayer.types.run import Recalled, RunRecord, RunRequest, Sampled
from qlayer.validation.checks import run_check

Stage = Literal["before", "after"]
PERSON = "jobs.learning_effect"


class BriefResult(Frozen):
    """One held-out brief, before and after."""

    field: str
    before: bool
    """All hidden cases pass."""
    after: bool
    allowed_before: bool
    """The platform's own decision, which knows the trusted example only."""
    allowed_after: bool
    hints: int
    tokens_before: int
    """Generated."""
    tokens_after: int
    prompt_tokens_before: int
    """Of the greedy sample."""
    prompt_tokens_after: int


class Effect(Frozen):
    """The report."""

    model: str
    retrieval: str
    corrections: int
    right_without_correction: int
    """Of the briefs meant for corrections, those that needed none."""
    held_out: int
    before: int
    after: int
    p_value: float
    """Exact McNemar test, two-sided, of no change."""
    briefs: tuple[BriefResult, ...]


class OutOfTime(Exception):
    """This piece of the job has had its seconds."""


class Experiment:
    """The stages over one open platform."""

    def __init__(self, platform: Platform, deadline: float) -> None:
        self._platform = platform
        self._deadline = deadline
        self._owner = f"learning-effect-{os.getpid()}"

    async def run(self) -> Effect:
        """All stages in order. Raises `OutOfTime` between two runs."""
        right = 0
        for brief in CORRECTED:
            record = await self._record("before", brief)
            right += await self._is_right(record, brief)
            await self._correct(record, brief)
        results = [await self._compare(brief) for brief in HELD_OUT]
        learning = self._platform.pipeline.learning
        return Effect(
            model=self._platform.settings.model,
            retrieval=learning.similarity.name if learning is not None else "off",
            corrections=len(await self._platform.memories.corrections()),
            right_without_correction=right,
            held_out=len(results),
            before=sum(result.before for result in results),
            after=sum(result.after for result in results),
            p_value=mcnemar(
                sum(r.before and not r.after for r in results), sum(r.after and not r.before for r in results)
            ),
            briefs=tuple(results),
        )

    async def _record(self, stage: Stage, brief: HouseBrief) -> RunRecord:
        pipeline = self._pipeline(stage)
        request = RunRequest(text=brief.request, origin="job", budget=self._platform.settings.budget)
        run_id, _ = await pipeline.submit(request, idempotency_key=f"{stage} {brief.field}")
        record = await pipeline.records.run(run_id)
        if record.finished is not None:
            return record
        if time.monotonic() > self._deadline:
            raise OutOfTime
        record = await pipeline.execute(RunId(run_id), owner=self._owner)
        typer.echo(f"{stage} {brief.field}: {record.status}", err=True)
        return record

    def _pipeline(self, stage: Stage) -> Pipeline:
        pipeline = self._platform.pipeline
        return dataclasses.replace(pipeline, learning=None) if stage == "before" else pipeline

    async def _correct(self, record: RunRecord, brief: HouseBrief) -> None:
        """What a person would do who knows the convention; a correction on record is not made again."""
        known = {correction.run_id for correction in await self._platform.memories.corrections()}
        if record.capsule is None or record.id in known or await self._is_right(record, brief):
            return
        request = EditRequest(capsule=record.capsule, code=brief.right, who=PERSON)
        await self._platform.editing.edit(request)

    async def _is_right(self, record: RunRecord, brief: HouseBrief) -> bool:
        if record.capsule is None:
            return False
        _, tree = await self._platform.capsules.load(record.capsule)
        return (await run_check(brief.hidden(f"{brief.function}.core"), tree, self._platform.sandbox)).ok

    async def _compare(self, brief: HouseBrief) -> BriefResult:
        before, after = await self._record("before", brief), await self._record("after", brief)
        recalled = (event.body.recall for event in after.events if isinstance(event.body, Recalled))
        return BriefResult(
            field=brief.field,
            before=await self._is_right(before, brief),
            after=await self._is_right(after, brief),
            allowed_before=await self._allowed(before),
            allowed_after=await self._allowed(after),
            hints=sum(len(hints) for recall in recalled for hints in recall.hints.values()),
            tokens_before=before.usage.completion_tokens,
            tokens_after=after.usage.completion_tokens,
            prompt_tokens_before=_first_prompt(before),
            prompt_tokens_after=_first_prompt(after),
        )

    async def _allowed(self, record: RunRecord) -> bool:
        if record.capsule is None:
            return False
        return (await self._platform.capsules.load(record.capsule))[0].decision.allow


def _first_prompt(record: RunRecord) -> int:
    samples: Iterable[Sampled] = (event.body for event in record.events if isinstance(event.body, Sampled))
    return next((sample.usage.prompt_tokens for sample in samples), 0)


async def measure(settings: Settings, seconds: float) -> Effect:
    """One piece of the experiment. Raises `OutOfTime` when there is more to do."""
    async with open_platform(settings) as platform:
        return await Experiment(platform, time.monotonic() + seconds).run()


def main(
    out: Annotated[Path, typer.Option(help="The job's own data folder; the report goes there too.")],
    model: Annotated[str | None, typer.Option(help="Model id; default: the configured one.")] = None,
    seconds: Annotated[float, typer.Option(help="Begin no further run after so long.")] = 86_400.0,
) -> None:
    """Measure the effect of corrections. Ends with status 75 when the seconds were too few: run it again."""
    with explained():
        usual = load_settings(model=model)
        settings = usual.model_copy(update={"data_dir": out, "weights_dir": usual.weights})
        try:
            effect = asyncio.run(measure(settings, seconds))
        except OutOfTime:
            typer.echo("out of time; the same command goes on where it was", err=True)
            raise typer.Exit(75) from None
        except OSError as error:
            raise QlayerError(f"{out} cannot be written: {error}") from None
        (out / "effect.json").write_text(effect.model_dump_json(indent=2))
        typer.echo(
            f"{effect.model}: right before {effect.before} of {effect.held_out}, after {effect.after} "
            f"(p = {effect.p_value:.2g}); {effect.corrections} corrections, similarity {effect.retrieval}"
        )


if __name__ == "__main__":
    typer.run(main)
