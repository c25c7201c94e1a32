"""The numbers that an evaluation is about, each folded from its rows."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from jobs.paired import wilson
from jobs.results import TaskResult
from qlayer.types.check import Level
from qlayer.types.frozen import Frozen
from qlayer.types.verdict import Outcome

Interval = tuple[float, float]


class FiveNumbers(Frozen):
    """Shares of the runs that are right, 0 to 1, by who chooses; and what the programs cost."""

    runs: int
    greedy: float
    """The first sample, at temperature 0."""
    random: float
    """One of the samples that were drawn for the task, picked blindly."""
    selected: float
    """What the loop kept."""
    oracle: float
    """The best of all programs of the run, repairs included."""
    tokens_mean: float
    """Generated, a run."""
    tokens_p95: int

    @property
    def efficiency(self) -> float | None:
        """(selected - random) / (oracle - random); None when there is nothing to choose."""
        room = self.oracle - self.random
        return (self.selected - self.random) / room if room > 0 else None


class SeedNumbers(FiveNumbers):
    """Of one seed."""

    seed: int


class Calibrated(Frozen):
    """What a level was worth: the runs labelled with it or a higher one, and how many are right."""

    level: str
    runs: int
    right: int
    coverage: float
    """Of all runs."""
    right_interval: Interval
    """Wilson's, of right / runs, 95 %."""

    @property
    def wrong(self) -> int:
        return self.runs - self.right


class Fixing(Frozen):
    """What the automatic fixes did to the programs of all runs."""

    programs: int
    changed: int
    changed_right: int
    """Of these, those that pass the hidden tests."""
    broken: int
    """The gate refuses them as the model gave them."""
    rescued: int
    """Of these, those that run after the fixes."""
    rescued_right: int
    """Of these, those that pass the hidden tests: nothing else would have made them right."""


def five_numbers(rows: Sequence[TaskResult]) -> FiveNumbers:
    """Of at least one run. Pure."""
    tokens = sorted(row.tokens for row in rows)
    return FiveNumbers(
        runs=len(rows),
        greedy=fmean(row.greedy_right for row in rows),
        random=fmean(row.random_right for row in rows),
        selected=fmean(row.right for row in rows),
        oracle=fmean(row.oracle_right for row in rows),
        tokens_mean=fmean(tokens),
        tokens_p95=tokens[min(len(tokens) - 1, int(0.95 * len(tokens)))],
    )


def labelled(rows: Sequence[TaskResult], least: Level) -> list[TaskResult]:
    """The runs with this level or a higher one; the levels' names are in their order."""
    return [row for row in rows if row.level is not None and row.level >= least]


def calibrated(rows: Sequence[TaskResult], level: Level) -> Calibrated:
    """What this level was worth. Pure."""
    found = labelled(rows, level)
    right = sum(row.right for row in found)
    return Calibrated(
        level=level,
        runs=len(found),
        right=right,
        coverage=len(found) / len(rows),
        right_interval=wilson(right, len(found)),
    )


def fixing(rows: Sequence[TaskResult]) -> Fixing:
    """What the fixes did in these runs. Pure."""
    programs = [one for row in rows for one in row.candidates]
    rescued = [one for one in programs if one.broken and one.hidden is not Outcome.COMPILE_ERROR]
    return Fixing(
        programs=len(programs),
        changed=sum(bool(one.fixes) for one in programs),
        changed_right=sum(bool(one.fixes) and one.right for one in programs),
        broken=sum(one.broken for one in programs),
        rescued=len(rescued),
        rescued_right=sum(one.right for one in rescued),
    )
