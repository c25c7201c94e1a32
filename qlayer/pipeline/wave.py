"""Samples drawn side by side, wave after wave, until enough of them agree.

How many and when to stop is decided by the pure functions at the top; `Waves` draws, examines each sample as
it arrives, and ends the rest of its wave as soon as nothing more is needed of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from qlayer.errors import BudgetExceeded, LLMError
from qlayer.pipeline.attempts import Attempt
from qlayer.pipeline.policy import LoopPolicy
from qlayer.pipeline.sampling import Ask
from qlayer.pipeline.work import Bench, Work
from qlayer.pipeline.writing import Brake
from qlayer.types.choice import WavePlanned
from qlayer.types.run import AttemptKind, Sampled

ENOUGH_CASES = 2
"""Trusted cases without which passing them all proves too little to accept a single sample."""


def accepts_alone(policy: LoopPolicy, greedy: Attempt, cases: int, comparable: bool) -> bool:
    """Whether the greedy sample is taken without any other: it passes, and others would tell nothing more.

    `cases` counts the trusted ones of the slot; `comparable` says whether there are inputs to compare on.
    """
    if not greedy.solved:
        return False
    return not comparable or (policy.confirm == 1 and cases >= ENOUGH_CASES)


def agreement_wanted(policy: LoopPolicy, greedy: Attempt, cases: int) -> int:
    """So many samples that pass everything and behave alike end the waves."""
    confirming = greedy.solved and cases >= ENOUGH_CASES
    return max(2, policy.confirm) if confirming else policy.quorum


def next_wave(policy: LoopPolicy, drawn: int, wanted: int, passing: int) -> tuple[int, ...]:
    """Indices of the samples to draw next; empty when all are drawn.

    `drawn` counts the greedy one. When that one passed and nothing speaks against it, only as many are drawn
    as its confirmation takes; else the wave is filled up.
    """
    ends = [end for end in accumulate(policy.waves, initial=1) if end > drawn]
    if not ends:
        return ()
    alone = drawn == 1 and passing == 1
    return tuple(range(drawn, min(ends[0], wanted) if alone else ends[0]))


def enough(largest: int, passing: int, wanted: int) -> bool:
    """Whether the largest group of passing samples settles it: large enough, and more than all others."""
    return largest >= wanted and 2 * largest > passing


@dataclass(frozen=True)
class Waves:
    """Draws the samples of one slot."""

    bench: Bench

    async def draw(self, work: Work, wanted: int) -> None:
        """Wave after wave until `wanted` agree. Raises `BudgetExceeded`, `LLMError`, `SandboxError`."""
        policy = self.bench.policy
        while not await self._agreed(work, wanted):
            wave = next_wave(policy, work.drawn, wanted, len(work.solved))
            if not wave:
                return
            planned = await self._plan(work, wave)
            work.plan(planned.attempts)
            await self._draw_wave(work, planned.attempts, wanted)

    async def greedy(self, work: Work) -> Attempt:
        """Sample 0. It may use what is kept back for other slots: every slot gets one."""
        ask = self._ask(work, 0, AttemptKind.GREEDY)
        work.plan((0,))
        return await self._examined(work, *await self.bench.greedy_sampler.sample(ask))

    async def _plan(self, work: Work, wave: tuple[int, ...]) -> WavePlanned:
        """As much of the wave as the budget allows, on record: a resumed run draws the same samples."""
        sampler = self.bench.sampler

        async def make() -> WavePlanned:
            sampler.meter.check(sampler.kept_back)
            count = sampler.meter.affordable(self.bench.policy.sample_tokens, sampler.kept_back)
            return WavePlanned(slot=work.slot.name, attempts=wave[:count])

        return await self.bench.journal.step("wave", [work.slot.name, list(wave)], WavePlanned, make)

    async def _draw_wave(self, work: Work, wave: Sequence[int], wanted: int) -> None:
        brake = Brake()
        drawing = [
            asyncio.create_task(self.bench.sampler.sample(self._ask(work, index, AttemptKind.SAMPLE), brake))
            for index in wave
        ]
        # What one sample failed of matters only where the others do not settle it.
        failed: BudgetExceeded | LLMError | None = None
        try:
            for arrived in asyncio.as_completed(drawing):
                try:
                    sampled, text = await arrived
                except (BudgetExceeded, LLMError) as error:
                    failed = error
                    continue
                if sampled.finish_reason == "cancelled":
                    continue
                await self._examined(work, sampled, text)
                if not brake.pulled and await self._agreed(work, wanted):
                    brake.pull()
        finally:
            for task in drawing:
                task.cancel()
            await asyncio.gather(*drawing, return_exceptions=True)
        if failed is not None and not brake.pulled:
            raise failed

    async def _examined(self, work: Work, sampled: Sampled, text: str) -> Attempt:
        attempt = await self.bench.examiner.examine(sampled, text, work.slot, work.tree, work.attempts)
        work.attempts.append(attempt)
        return attempt

    async def _agreed(self, work: Work, wanted: int) -> bool:
        solved = work.solved
        if len(solved) < wanted:
            return False
        groups = await work.comparison.groups(solved)
        return enough(groups.largest([one.index for one in solved]), len(solved), wanted)

    def _ask(self, work: Work, index: int, kind: AttemptKind) -> Ask:
        drawn = self.bench.draw(work.slot, index)
        return Ask(work.slot, index, kind, drawn.messages, drawn.sampling)
