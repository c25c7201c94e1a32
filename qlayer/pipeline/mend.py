"""Repair, within bounds that end it: only failures of trusted checks, and never the same error over and over.

Execution feedback fixes crashes and rarely wrong answers (LOOP.md; docs/decisions/0006-waves.md), so a crash
is shown with its program and repaired, while for a wrong answer the function is written afresh with the
failing example in view (a large model repairs it once). A try counts only if nothing that passed fails now
and one more passes; else the best stays as it was. When nothing is left to tell, the model is asked once more
in other words, then a larger model where one is configured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from qlayer.generation.prompt import greedy_prompt
from qlayer.generation.repair import (
    crash_prompt,
    error_signature,
    mistake_signature,
    resample_prompt,
    wrong_prompt,
)
from qlayer.llm.base import Message
from qlayer.pipeline.attempts import Attempt
from qlayer.pipeline.sampling import Ask, Sampler
from qlayer.pipeline.work import Bench, Larger, Work
from qlayer.types.candidate import Sampling
from qlayer.types.check import Failure
from qlayer.types.choice import Selected
from qlayer.types.run import AttemptKind
from qlayer.validation.selection import leading


@dataclass
class Told:
    """Which errors the model was told."""

    most: int
    """Times that the same error may be told, whatever program made it."""
    exactly: set[str] = field(default_factory=set)
    alike: Counter[tuple[str, str, str | None]] = field(default_factory=Counter)

    def tell(self, failure: Failure, attempt: Attempt, *, greedily: bool) -> bool:
        """Whether the error may be told; counts it if so.

        Of the same program it is told once `greedily`, for the answer would be the same.
        """
        exact = error_signature(failure, attempt.candidate)
        kind = (mistake_signature(failure), failure.check, failure.case)
        if self.alike[kind] >= self.most or (greedily and exact in self.exactly):
            return False
        self.exactly.add(exact)
        self.alike[kind] += 1
        return True


def representatives(attempts: Sequence[Attempt], selected: Selected | None, most: int) -> list[Attempt]:
    """Whom to repair: the best of each of the best groups, then programs that do not even run. Pure."""
    by_index = {one.index: one for one in attempts}
    ranked: list[Attempt] = []
    groups = list(selected.groups) if selected is not None else []
    while selected is not None and groups:
        best = leading(selected.facts, groups)[0].index
        ranked.append(by_index[best])
        groups = [group for group in groups if best not in group]
    programs = {one.program for one in ranked}
    for one in attempts:
        if not one.boots and one.failure is not None and one.program not in programs:
            programs.add(one.program)
            ranked.append(one)
    return ranked[:most]


@dataclass(frozen=True)
class Mender:
    """Tries to solve a slot that no sample solved."""

    bench: Bench

    async def mend(self, work: Work) -> str:
        """Why it ended, as a part of a sentence; the best is kept in `work`.

        Raises `BudgetExceeded`, `LLMError`, `SandboxError`.
        """
        told = Told(self.bench.policy.max_told)
        why = await self._rounds(work, told)
        if self.bench.policy.other_words and not _solved(work):
            await self._in_other_words(work)
        if not _solved(work) and self.bench.larger is not None:
            why = await self._escalate(work, told, self.bench.larger)
        return why

    async def _rounds(self, work: Work, told: Told) -> str:
        """Round after round over the representatives, each of which goes on from what improved it."""
        policy = self.bench.policy
        selected = work.selections[-1] if work.selections else None
        lines = representatives(work.attempts, selected, policy.repair_candidates)
        for _ in range(policy.repair_rounds):
            moved = False
            for place, parent in enumerate(lines):
                ask = self._next_ask(work, parent, told, first=place == 0)
                if ask is None:
                    continue
                moved = True
                attempt = await self._try(work, self.bench.sampler, ask)
                if attempt.improves_on(parent):
                    lines[place] = attempt
                if _solved(work):
                    return "repaired"
            if not moved:
                return "stuck: the model was told every error it could be told"
        return f"{policy.repair_rounds} rounds of repair did not solve it"

    def _next_ask(self, work: Work, parent: Attempt, told: Told, *, first: bool) -> Ask | None:
        """A crash is repaired; a wrong answer is taken up for the best only."""
        failure = parent.failure
        if failure is None or not (failure.is_crash or first):
            return None
        greedily = failure.is_crash or self.bench.policy.repairs_answers
        if not told.tell(failure, parent, greedily=greedily):
            return None
        greedy = Sampling(max_tokens=self.bench.policy.sample_tokens)
        if failure.is_crash:
            messages = crash_prompt(work.slot, self.bench.spec, parent.candidate.code, failure)
            return Ask(work.slot, work.take_number(), AttemptKind.REPAIR, messages, greedy)
        if self.bench.policy.repairs_answers:
            messages = wrong_prompt(work.slot, self.bench.spec, parent.candidate.code, failure)
            return Ask(work.slot, work.take_number(), AttemptKind.REPAIR, messages, greedy)
        number = work.take_number()
        messages = resample_prompt(work.slot, self.bench.spec, failure, number)
        sampling = self.bench.draw(work.slot, number).sampling
        return Ask(work.slot, number, AttemptKind.RESAMPLE, messages, sampling)

    async def _in_other_words(self, work: Work) -> None:
        number = work.take_number()
        drawn = self.bench.draw(work.slot, number)
        ask = Ask(work.slot, number, AttemptKind.RESAMPLE, drawn.messages, drawn.sampling)
        await self._try(work, self.bench.sampler, ask)

    async def _escalate(self, work: Work, told: Told, larger: Larger) -> str:
        """The larger model goes on from the best, then writes it afresh."""
        sampler = self.bench.sampler.of(larger.model)
        sampling = Sampling(max_tokens=larger.policy.sample_tokens)
        for messages in (self._refining(work, told), greedy_prompt(work.slot, self.bench.spec)):
            if messages is None or _solved(work):
                continue
            ask = Ask(work.slot, work.take_number(), AttemptKind.ESCALATED, messages, sampling)
            await self._try(work, sampler, ask)
        how = "solved it" if _solved(work) else "did not solve it either"
        return f"the larger model {larger.model} {how}"

    def _refining(self, work: Work, told: Told) -> tuple[Message, ...] | None:
        best = work.best
        failure = best.failure if best is not None else None
        if best is None or failure is None or not told.tell(failure, best, greedily=True):
            return None
        prompt = crash_prompt if failure.is_crash else wrong_prompt
        return prompt(work.slot, self.bench.spec, best.candidate.code, failure)

    async def _try(self, work: Work, sampler: Sampler, ask: Ask) -> Attempt:
        """One more attempt; it is the best only if it improves on the best."""
        sampled, text = await sampler.sample(ask)
        attempt = await self.bench.examiner.examine(sampled, text, work.slot, work.tree, work.attempts)
        work.attempts.append(attempt)
        if attempt.boots and (work.best is None or attempt.improves_on(work.best)):
            work.best = attempt
        return attempt


def _solved(work: Work) -> bool:
    return work.best is not None and work.best.solved
