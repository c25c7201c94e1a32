"""What decides an evaluation's results, and how its items are done: each once, resumable, by the product.

A ledger keyed by plan and item makes every evaluation resumable: killed at any point, a rerun repeats no
finished item, and the one under way goes on from its last recorded step.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import typer

from jobs.ledger import Ledger, LedgerRow
from jobs.logs import logged
from jobs.progress import ProgressLine
from qlayer import __version__
from qlayer.app.build import Platform, build_llm, open_platform
from qlayer.app.settings import Settings
from qlayer.errors import AnswerMissing, ConflictError, QlayerError
from qlayer.llm.base import LLM, ServedModel
from qlayer.llm.catalogue import Catalogue
from qlayer.pipeline.pipeline import Pipeline
from qlayer.pipeline.policy import LoopPolicy
from qlayer.sandbox.base import Sandbox
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, ModelId, digest_of
from qlayer.types.run import RunRecord, RunRequest
from qlayer.types.usage import Budget

SLOT_SECONDS = 3_600.0
"""What a slot may take unless the settings say otherwise: tokens bound an evaluation, not a slow machine."""


class Plan(Frozen):
    """What decides the results beside the items themselves: a finished item counts under its plan only."""

    suite: str
    """``briefs``, or the benchmark's name."""
    model: ModelId
    budget: Budget
    policy: LoopPolicy
    """As it takes effect."""
    escalate_to: ModelId | None = None
    seed: int = 0
    """Of every run."""
    replay_only: bool = False
    """No model was asked: answers came from a log alone."""
    version: str = __version__

    @classmethod
    async def for_seeds(cls, platform: Platform, setup: Setup, suite: str) -> tuple[Plan, ...]:
        """One a seed, with the policy that the pipeline gives this model. Raises `NotFoundError`."""
        settings = platform.settings
        choice = await platform.pipeline.describe(settings.model)
        one = cls(
            suite=suite,
            model=settings.model,
            budget=settings.budget,
            policy=choice.policy,
            escalate_to=choice.escalate_to,
            replay_only=setup.replay_only,
        )
        return tuple(one.model_copy(update={"seed": seed}) for seed in setup.seeds)

    def key(self, item: Digest) -> Digest:
        """Of an item's result under this plan."""
        return digest_of([self, item])

    def request(self, text: str, template: str | None = None) -> RunRequest:
        """A run of this plan, as a user would ask for it."""
        return RunRequest(
            text=text,
            template=template,
            model=self.model,
            budget=self.budget,
            origin="job",
            seed=self.seed,
        )


class Setup(NamedTuple):
    """How an evaluation is carried out."""

    out: Path
    """Folder of the ledger and the runs."""
    seeds: tuple[int, ...] = (0,)
    concurrency: int = 2
    """Items at once."""
    log: Path | None = None
    """Folder of answers to replay; what is missing is added."""
    replay_only: bool = False
    """With a log: nothing is asked of a model."""


def generous(settings: Settings) -> Settings:
    """With time for every slot, unless the settings bound it themselves."""
    if "seconds" in settings.loop.model_fields_set:
        return settings
    return settings.model_copy(update={"loop": settings.loop.model_copy(update={"seconds": SLOT_SECONDS})})


@asynccontextmanager
async def open_for(
    settings: Settings, setup: Setup, *, llm: LLM | None = None, sandbox: Sandbox | None = None
) -> AsyncIterator[Platform]:
    """A platform whose runs lie in the evaluation's own folder, its model behind the log.

    Raises what `open_platform` raises.
    """
    setup.out.mkdir(parents=True, exist_ok=True)
    own = generous(settings).model_copy(
        update={
            "records_url": f"sqlite+aiosqlite:///{setup.out / 'runs.db'}",
            "blobs_url": str(setup.out / "blobs"),
        }
    )
    async with (
        _model(own, setup, llm) as answers,
        open_platform(own, llm=answers, sandbox=sandbox) as platform,
    ):
        yield platform


@asynccontextmanager
async def _model(settings: Settings, setup: Setup, llm: LLM | None) -> AsyncIterator[LLM | None]:
    """The model (`llm`, or the configured one) behind its log; None: the platform opens its own."""
    if setup.log is None:
        yield llm
        return
    catalogue = Catalogue.load(settings.catalogue)
    behind, served = llm, tuple[ServedModel, ...]()
    if setup.replay_only:
        context = catalogue.get(settings.model).context_tokens
        behind, served = None, (ServedModel(id=settings.model, context_tokens=context),)
    elif llm is None:
        behind = build_llm(settings, catalogue)
    try:
        with logged(setup.log, behind, served=served) as answers:
            yield answers
            typer.echo(f"{answers.replayed} answers replayed, {answers.missed} not in the log", err=True)
    finally:
        if behind is not None and llm is None:
            await behind.aclose()


async def carry_out(pipeline: Pipeline, request: RunRequest, key: Digest) -> RunRecord:
    """Run a request to its end, or go on with it. A run that failed for good is a result too.

    Raises what trying again can help with, `AnswerMissing` included.
    """
    run_id, _ = await pipeline.submit(request, idempotency_key=key)
    try:
        return await pipeline.execute(run_id, owner=f"evaluate-{key[7:19]}")
    except QlayerError as error:
        if error.retryable or isinstance(error, ConflictError):
            raise
        return await pipeline.records.run(run_id)


Row = TypeVar("Row", bound=LedgerRow)
Item = TypeVar("Item")


class Done(NamedTuple, Generic[Row]):
    """What there is of an evaluation when it ends."""

    rows: tuple[Row, ...]
    """Of the items that were asked for, in their order."""
    resumed: int
    """Of these, those that were in the ledger before."""
    incomplete: int
    """Items that could not be finished, because the log has no answer for them; they are in no ledger."""


async def do_missing(
    items: Sequence[tuple[Digest, Item]],
    work: Callable[[Digest, Item], Awaitable[Row]],
    ledger: Ledger[Row],
    progress: ProgressLine[Row],
    concurrency: int,
) -> Done[Row]:
    """Do what the ledger lacks, `concurrency` items at a time, in order."""
    left = [(key, item) for key, item in items if key not in ledger]
    missing = iter(left)

    async def worker() -> None:
        for key, item in missing:
            try:
                row = await work(key, item)
            except AnswerMissing:
                continue
            ledger.add(row)
            progress.advance(row)

    with progress.of(len(items), done=len(items) - len(left)):
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(worker())
    by_key = {row.key: row for row in ledger.rows}
    rows = tuple(by_key[key] for key, _ in items if key in by_key)
    return Done(rows=rows, resumed=len(items) - len(left), incomplete=len(items) - len(rows))
