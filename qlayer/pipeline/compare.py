"""The candidates of one slot side by side: each program is run once on the same inputs, and remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from qlayer.generation.base import Slot
from qlayer.pipeline.attempts import Attempt
from qlayer.sandbox.base import Sandbox
from qlayer.types.choice import Facts, Question
from qlayer.types.ids import Digest
from qlayer.validation.behaviour import Behaviour, Clusters, cluster
from qlayer.validation.trials import Trials, run_trials, trials_for


@dataclass(frozen=True)
class Groups:
    """Attempts grouped by what they do. All numbers are those of attempts."""

    of: tuple[tuple[int, ...], ...]
    """The largest group first; of equal ones the one with the earliest member."""
    facts: tuple[Facts, ...]
    inputs: tuple[str, ...]
    left_out: int

    def largest(self, among: Sequence[int]) -> int:
        """How many of these attempts the largest group holds."""
        return max((len(set(group) & set(among)) for group in self.of), default=0)


@dataclass
class Comparison:
    """Compares attempts at one slot. Behaviour is kept by program, so that nothing is run twice."""

    trials: Trials
    sandbox: Sandbox
    _seen: dict[Digest, Behaviour] = field(default_factory=dict)

    @classmethod
    def of(cls, slot: Slot, sandbox: Sandbox) -> Comparison:
        trials = trials_for(slot.module, slot.name, slot.signature, slot.brief, slot.examples, slot.checks)
        return cls(trials, sandbox)

    @property
    def possible(self) -> bool:
        """Whether there are inputs at all."""
        return bool(self.trials.inputs)

    async def groups(self, attempts: Sequence[Attempt]) -> Groups:
        """These attempts (all of them boot) by behaviour. Raises `SandboxError`."""
        new = {one.program: one.tree for one in attempts if one.program not in self._seen}
        found = await asyncio.gather(
            *(run_trials(self.trials, tree, self.sandbox) for tree in new.values() if tree is not None)
        )
        self._seen.update(zip(new, found, strict=True))
        behaviours = [self._seen[one.program] for one in attempts]
        return grouped(attempts, cluster(behaviours, self.trials.inputs))

    def unrun(self, attempts: Sequence[Attempt]) -> Groups:
        """The same by program alone, when there is no time to run them."""
        return grouped(attempts, cluster([Behaviour(outputs=()) for _ in attempts], ()))

    def question(self, first: Attempt, second: Attempt) -> Question | None:
        """An input on which two compared attempts differ."""
        two = cluster([self._seen[first.program], self._seen[second.program]], self.trials.inputs)
        if two.disagreement is None:
            return None
        return Question(
            function=self.trials.function,
            args=two.disagreement.args,
            answers=two.disagreement.outputs,
            attempts=(first.index, second.index),
        )


def grouped(attempts: Sequence[Attempt], clusters: Clusters) -> Groups:
    """Facts and groups by attempt. Where no input could be handled, only equal programs are alike. Pure."""
    places = clusters.groups if clusters.inputs else _by_program(attempts)
    size = {place: len(group) for group in places for place in group}
    facts = tuple(
        Facts(
            index=one.index,
            passed=one.passed,
            crash_free=clusters.crash_free[place],
            agreeing=size[place],
            consensus=clusters.consensus[place],
        )
        for place, one in enumerate(attempts)
    )
    return Groups(
        of=tuple(tuple(attempts[place].index for place in group) for group in places),
        facts=facts,
        inputs=clusters.inputs,
        left_out=clusters.left_out,
    )


def _by_program(attempts: Sequence[Attempt]) -> tuple[tuple[int, ...], ...]:
    same: dict[Digest, list[int]] = {}
    for place, one in enumerate(attempts):
        same.setdefault(one.program, []).append(place)
    return tuple(map(tuple, sorted(same.values(), key=lambda places: (-len(places), places[0]))))
