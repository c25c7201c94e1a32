"""One answer of the model, recorded before it is used, and the candidate made from it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from qlayer.errors import BudgetExceeded, LLMUnavailable
from qlayer.generation.autofix import autofix
from qlayer.generation.base import Slot
from qlayer.generation.extract import extract_code
from qlayer.generation.gate import ast_digest, inspect
from qlayer.generation.runaway import RunawayWatch
from qlayer.generation.splice import fill
from qlayer.llm.base import LLM, ChatRequest, Message
from qlayer.pipeline.budget import WHOLE, BudgetMeter, Share
from qlayer.pipeline.journal import Journal
from qlayer.pipeline.writing import Brake, Written, write
from qlayer.store.base import Blobs
from qlayer.types.candidate import Candidate, Sampling
from qlayer.types.ids import ModelId, digest_of
from qlayer.types.run import AttemptKind, Sampled
from qlayer.types.source import SourceTree
from qlayer.types.usage import TokenUsage

RETRY_DELAYS_S = (0.5, 1.0, 2.0, 4.0)
"""Waits between tries while the model is unavailable; the last one repeats until the budget's seconds end."""


@dataclass(frozen=True)
class Ask:
    """What is asked of the model for one attempt at one slot."""

    slot: Slot
    attempt: int
    kind: AttemptKind
    messages: tuple[Message, ...]
    sampling: Sampling


@dataclass(frozen=True)
class Sampler:
    """Asks the model, within the budget, and records the answer as one step of the run."""

    llm: LLM
    model: ModelId
    blobs: Blobs
    journal: Journal
    meter: BudgetMeter
    on_text: Callable[[Slot, int, str], None]
    kept_back: Share = WHOLE
    """What must stay of the budget for others."""

    def within(self, kept_back: Share) -> Sampler:
        """The same, which leaves this much of the budget."""
        return replace(self, kept_back=kept_back)

    def of(self, model: ModelId) -> Sampler:
        """The same, asking another model."""
        return replace(self, model=model)

    async def sample(self, ask: Ask, brake: Brake | None = None) -> tuple[Sampled, str]:
        """The recorded sample and its text; an answer that `brake` ended is ``cancelled``.

        What is on record is given as it is, whatever it cost. Raises `BudgetExceeded`, `LLMError`.
        """
        brake = brake or Brake()

        async def make() -> Sampled:
            return await self._generate(ask, brake)

        inputs = [ask.slot.name, ask.attempt, ask.kind, list(ask.messages), ask.sampling, self.model]
        sampled = await self.journal.step("sample", inputs, Sampled, make)
        return sampled, (await self.blobs.get(sampled.completion)).decode()

    async def _generate(self, ask: Ask, brake: Brake) -> Sampled:
        self.meter.check(self.kept_back)
        cap = min(ask.sampling.max_tokens, self.meter.tokens_left)
        sampling = ask.sampling.model_copy(update={"max_tokens": cap})
        request = ChatRequest(model=self.model, messages=ask.messages, sampling=sampling)
        began = time.monotonic()
        with self.meter.reserved(cap):
            written = await self._answer(request, ask, brake)
        self.meter.spend(written.usage.completion_tokens)
        return Sampled(
            slot=ask.slot.name,
            attempt=ask.attempt,
            attempt_kind=ask.kind,
            model=self.model,
            prompt=digest_of([message.model_dump() for message in ask.messages]),
            completion=await self.blobs.put(written.text.encode(errors="replace")),
            sampling=sampling,
            usage=written.usage,
            finish_reason=written.finish,
            seconds=time.monotonic() - began,
        )

    async def _answer(self, request: ChatRequest, ask: Ask, brake: Brake) -> Written:
        """One answer, as far as the clock and `brake` let it come. An absent model is asked again."""
        for failures in itertools.count():
            if brake.pulled:
                break
            heard: list[str] = []

            def hear(text: str, into: list[str] = heard) -> None:
                into.append(text)
                self.on_text(ask.slot, ask.attempt, text)

            watch = RunawayWatch(ask.slot.name)
            seconds = max(0.0, self.meter.seconds_left - self.kept_back.seconds)
            try:
                return await write(self.llm, request, watch, brake, seconds, hear)
            except LLMUnavailable as error:
                self.meter.spend(len(heard))
                delay = RETRY_DELAYS_S[min(failures, len(RETRY_DELAYS_S) - 1)]
                if delay >= self.meter.seconds_left:
                    raise BudgetExceeded(
                        f"the model stayed unavailable until the seconds were used up: {error.message}",
                        resource="seconds",
                    ) from error
                await asyncio.sleep(delay)
        return Written(text="", finish="cancelled", usage=TokenUsage())


def make_candidate(
    sampled: Sampled, text: str, slot: Slot, tree: SourceTree, *, fix: bool = True
) -> tuple[Candidate, SourceTree | None]:
    """Extract, fix, inspect and splice. The tree is None when the code cannot be put into the project."""
    extracted = extract_code(text, slot)
    code, fixes = autofix(extracted, slot) if fix else (extracted, ())
    diagnoses = inspect(code, slot)
    filled = None if any(d.fatal for d in diagnoses) else fill(tree, slot, code)
    candidate = Candidate(
        slot=slot.name,
        code=code,
        tree=filled.digest if filled is not None else None,
        ast_digest=ast_digest(code),
        model=sampled.model,
        prompt=sampled.prompt,
        sampling=sampled.sampling,
        usage=sampled.usage,
        fixes=fixes,
        diagnoses=diagnoses,
    )
    return candidate, filled
