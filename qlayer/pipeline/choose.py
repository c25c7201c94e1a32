"""The choice among a slot's candidates, on record with all that it rests on.

Trusted passes come before all else; among equals the behaviour decides: how rarely a candidate breaks, how
many others do the same, and, in a tie that it could settle, the votes of asserts that the model writes. What
is tied even then is a question, with the input and the two answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from qlayer.errors import BudgetExceeded
from qlayer.generation.asserts import MAX_TOKENS, parse_asserts, soft_asserts_prompt
from qlayer.pipeline.attempts import Attempt
from qlayer.pipeline.compare import Groups
from qlayer.pipeline.sampling import Ask
from qlayer.pipeline.work import Bench, Work
from qlayer.types.candidate import Sampling
from qlayer.types.check import Case
from qlayer.types.choice import Facts, Selected
from qlayer.types.run import AttemptKind
from qlayer.validation.behaviour import Program
from qlayer.validation.selection import SELECTORS, leading, tied
from qlayer.validation.votes import count_votes

ASSERTS_FROM = 1_000
"""Number of the attempt at asserts that belongs to the first choice: far from those of programs."""


@dataclass(frozen=True)
class Chooser:
    """Chooses with the policy's selector of `qlayer.validation.selection`."""

    bench: Bench

    async def choose(self, work: Work) -> Selected | None:
        """Choose among the attempts that boot, and keep the best in `work`; None when none boots.

        Raises `LLMError`, `SandboxError`.
        """
        able = sorted((one for one in work.attempts if one.boots), key=lambda one: one.index)
        if not able:
            return None
        number = ASSERTS_FROM + len(work.selections)

        async def make() -> Selected:
            in_time = self.bench.sampler.meter.seconds_left > 0
            groups = await work.comparison.groups(able) if in_time else work.comparison.unrun(able)
            facts = groups.facts
            if self._votes_could_settle(work, groups):
                facts = await self._with_votes(work, groups, number)
            return _selected(work, groups, facts, self.bench.policy.selector, self.bench.seed)

        inputs = [work.slot.name, number, [[one.index, one.program, one.passed] for one in able]]
        selected = await self.bench.journal.step("select", inputs, Selected, make)
        work.selections.append(selected)
        work.best = work.attempt(selected.chosen)
        return selected

    def _votes_could_settle(self, work: Work, groups: Groups) -> bool:
        """Only calls have asserts, and only a tie is worth their tokens."""
        return (
            self.bench.policy.soft_asserts
            and work.comparison.trials.http is None
            and bool(groups.inputs)
            and tied(leading(groups.facts, groups.of))
        )

    async def _with_votes(self, work: Work, groups: Groups, number: int) -> tuple[Facts, ...]:
        """Facts with the votes for each group; as they are when the budget does not allow asking."""
        try:
            cases = await self._asserts(work, number)
        except BudgetExceeded:
            return groups.facts
        programs = [_program(work, work.attempt(group[0])) for group in groups.of]
        votes = await count_votes(programs, cases, self.bench.examiner.sandbox)
        by_attempt = {index: count for group, count in zip(groups.of, votes, strict=True) for index in group}
        return tuple(facts.model_copy(update={"votes": by_attempt[facts.index]}) for facts in groups.facts)

    async def _asserts(self, work: Work, number: int) -> tuple[Case, ...]:
        messages = soft_asserts_prompt(work.slot, self.bench.spec)
        sampling = Sampling(max_tokens=min(MAX_TOKENS, self.bench.policy.sample_tokens))
        ask = Ask(work.slot, number, AttemptKind.ASSERTS, messages, sampling)
        _, text = await self.bench.sampler.sample(ask)
        return parse_asserts(text, work.slot)


def _selected(work: Work, groups: Groups, facts: Sequence[Facts], selector: str, seed: int) -> Selected:
    best = leading(facts, groups.of)
    question = None
    if groups.inputs and len(best) == 2 and best[0].passed == best[1].passed:
        question = work.comparison.question(work.attempt(best[0].index), work.attempt(best[1].index))
    return Selected(
        slot=work.slot.name,
        selector=selector,
        facts=tuple(facts),
        groups=groups.of,
        inputs=groups.inputs,
        left_out=groups.left_out,
        question=question,
        tied=question is not None and tied(best),
        chosen=SELECTORS[selector](facts, Random(f"{seed} {work.slot.brief}")),
    )


def _program(work: Work, attempt: Attempt) -> Program:
    assert attempt.tree is not None, "what boots has a tree"
    return Program(tree=attempt.tree, module=work.slot.module, function=work.slot.name)
