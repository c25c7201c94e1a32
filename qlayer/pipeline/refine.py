"""A solved slot made better, where the policy says so: the model sees its program and what stands out in it.

Asked once. The answer is kept only if it passes everything, does the same as the program before it on every
input, and leaves less to say; so at worst some tokens are lost.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from qlayer.generation.repair import refine_prompt
from qlayer.pipeline.attempts import Attempt
from qlayer.pipeline.sampling import Ask
from qlayer.pipeline.work import Bench, Work
from qlayer.scan.weaknesses import bandit
from qlayer.types.candidate import Sampling
from qlayer.types.run import AttemptKind
from qlayer.validation.advice import Kinds, advice
from qlayer.validation.assessment import Weaknesses, assess
from qlayer.validation.profile import costs


@dataclass(frozen=True)
class Refiner:
    """Feeds quality, performance and security back, as far as `kinds` wants it."""

    bench: Bench
    kinds: Kinds
    scan: Weaknesses = bandit

    async def refine(self, work: Work) -> None:
        """The best of `work`, better or as it was. Raises `BudgetExceeded`, `LLMError`, `SandboxError`."""
        best = work.best
        if best is None or not best.solved:
            return
        said = await self._advice(work, best)
        if not said:
            return
        messages = refine_prompt(work.slot, self.bench.spec, best.candidate.code, said)
        sampling = Sampling(max_tokens=self.bench.policy.sample_tokens)
        ask = Ask(work.slot, work.take_number(), AttemptKind.REFINE, messages, sampling)
        sampled, text = await self.bench.sampler.sample(ask)
        attempt = await self.bench.examiner.examine(sampled, text, work.slot, work.tree, work.attempts)
        work.attempts.append(attempt)
        if attempt.solved and await self._is_better(work, attempt, best, said):
            work.best = attempt

    async def _is_better(self, work: Work, attempt: Attempt, best: Attempt, said: tuple[str, ...]) -> bool:
        groups = await work.comparison.groups([best, attempt])
        if not any({best.index, attempt.index} <= set(group) for group in groups.of):
            return False
        return len(await self._advice(work, attempt)) < len(said)

    async def _advice(self, work: Work, attempt: Attempt) -> tuple[str, ...]:
        if attempt.tree is None:
            return ()
        rivals = [one.checks for one in work.solved if one is not attempt]
        taken = costs(work.slot.name, attempt.checks, rivals)
        found = await asyncio.to_thread(assess, attempt.tree, [work.slot.path], taken, self.scan)
        return advice(found, self.kinds)
