"""What the steps of the loop share: the tools of a run, and what was tried at the slot under work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qlayer.generation.base import Slot
from qlayer.generation.sampler import Draw, draw
from qlayer.pipeline.attempts import Attempt, Examiner
from qlayer.pipeline.compare import Comparison
from qlayer.pipeline.journal import Journal
from qlayer.pipeline.policy import LoopPolicy
from qlayer.pipeline.sampling import Sampler
from qlayer.types.choice import Answered, Selected
from qlayer.types.ids import ModelId
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec


@dataclass(frozen=True)
class Larger:
    """A larger model that is asked when the run's own is stuck."""

    model: ModelId
    policy: LoopPolicy


@dataclass(frozen=True)
class Bench:
    """The tools for one slot."""

    sampler: Sampler
    """Keeps back what other slots are to get."""
    greedy_sampler: Sampler
    """Keeps nothing back."""
    examiner: Examiner
    journal: Journal
    policy: LoopPolicy
    spec: Spec
    seed: int
    larger: Larger | None

    def draw(self, slot: Slot, index: int) -> Draw:
        """Sample `index` of a slot as the policy has it drawn."""
        return draw(
            slot,
            self.spec,
            index,
            max_tokens=self.policy.sample_tokens,
            seed=self.seed,
            temperature=self.policy.temperature,
            top_p=self.policy.top_p,
        )


@dataclass
class Work:
    """One slot under work."""

    slot: Slot
    tree: SourceTree
    """The project without the slot's filling."""
    comparison: Comparison
    attempts: list[Attempt] = field(default_factory=list)
    """In the order in which they were examined."""
    drawn: int = 0
    """Samples that were planned: the greedy one, and those of waves."""
    used: int = 0
    """Attempt numbers that are taken."""
    selections: list[Selected] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    """What a person said during the run."""
    best: Attempt | None = None
    """What would be kept if the loop ended now."""

    def plan(self, wave: Sequence[int]) -> None:
        """These samples are going to be drawn."""
        self.drawn = self.used = max(self.drawn, max(wave) + 1)

    def take_number(self) -> int:
        """The number of the next attempt that is no sample of a wave."""
        self.used += 1
        return self.used - 1

    @property
    def solved(self) -> list[Attempt]:
        return [one for one in self.attempts if one.solved]

    def attempt(self, index: int) -> Attempt:
        return next(one for one in self.attempts if one.index == index)
