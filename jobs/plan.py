"""What decides an evaluation's results, and the platform that it runs on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import typer

from jobs.logs import logged
from qlayer import __version__
from qlayer.app.build import Platform, build_llm, open_platform
from qlayer.app.settings import Settings
from qlayer.llm.base import LLM, ServedModel
from qlayer.llm.catalogue import Catalogue
from qlayer.pipeline.policy import LoopPolicy
from qlayer.sandbox.base import Sandbox
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, ModelId, digest_of
from qlayer.types.run import RunRequest
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
            # What ships a project, and what tools say of it, change no program and cost time for each.
            "delivery": False,
            "scan": "off",
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
