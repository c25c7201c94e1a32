"""What every way of choosing gives on the same judged candidates; no model and no sandbox is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from jobs.ledger import LedgerRow
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest
from qlayer.types.verdict import Outcome
from qlayer.validation.selection import SELECTORS, Facts

RANDOM_ROUNDS = 100
"""The random selector's rate is the mean of so many rounds."""


class JudgedRow(LedgerRow):
    """One sample, checked and scored. The key is the sample's."""

    task: str
    index: int
    code: str
    ast: Digest | None
    fixes: tuple[str, ...]
    passed: int
    """Trusted cases."""
    total: int
    hidden: Outcome
    """Of the hidden tests. Only a report may look at it."""
    tokens: int

    @property
    def runs(self) -> bool:
        return self.hidden is not Outcome.COMPILE_ERROR

    @property
    def right(self) -> bool:
        return self.hidden is Outcome.ACCEPTED


class Judged(Frozen):
    """All candidates of one task, with what is known of each before the choice."""

    task: str
    rows: tuple[JudgedRow, ...]
    facts: tuple[Facts, ...]
    """Of the candidates that run, by `index`; none when nothing runs."""


class Rates(Frozen):
    """The five numbers and every selector, each a share of the tasks, 0 to 1."""

    tasks: int
    samples: int
    """Of each task."""
    greedy: float
    oracle: float
    """Tasks with at least one right candidate: what a perfect choice would give."""
    selectors: Mapping[str, float]
    tokens_mean: float
    """Generated, of all samples of a task."""

    def efficiency(self, name: str) -> float | None:
        """(selected - random) / (oracle - random); None when there is nothing to choose."""
        room = self.oracle - self.selectors["random"]
        return (self.selectors[name] - self.selectors["random"]) / room if room > 0 else None


def rates(judged: Sequence[Judged], samples: int) -> Rates:
    """What each way of choosing gives on these tasks. Pure."""
    selectors = dict.fromkeys(SELECTORS, 0.0)
    for task in judged:
        right = {row.index: row.right for row in task.rows}
        for name, choose_one in SELECTORS.items():
            rounds = RANDOM_ROUNDS if name == "random" else 1
            if task.facts:
                chosen = [choose_one(task.facts, Random(f"{task.task} {n}")) for n in range(rounds)]
                selectors[name] += sum(right[index] for index in chosen) / rounds
    count = len(judged)
    return Rates(
        tasks=count,
        samples=samples,
        greedy=sum(row.right for task in judged for row in task.rows if row.index == 0) / count,
        oracle=sum(any(row.right for row in task.rows) for task in judged) / count,
        selectors={name: total / count for name, total in selectors.items()},
        tokens_mean=sum(row.tokens for task in judged for row in task.rows) / count,
    )
