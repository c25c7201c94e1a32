"""What an evaluation says of a benchmark: five numbers and what stands behind them, folded from its rows.

With several seeds a task's share of right runs counts for the task: tasks are what was drawn at random, so
intervals and the test of significance are over tasks, and every seed makes them no narrower.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from pydantic import BaseModel

from jobs.paired import mcnemar, wilson
from jobs.results import TaskResult
from qlayer.types.check import Level
from qlayer.types.frozen import Frozen
from qlayer.types.ids import ModelId
from qlayer.types.verdict import Outcome

Key = TypeVar("Key")
Interval = tuple[float, float]
CALIBRATED = (Level.V2, Level.V3, Level.V4)


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


class Report(Frozen):
    """An evaluation, summed up. Rates are 0 to 1; tokens are generated tokens."""

    benchmark: str
    model: ModelId
    replay_only: bool
    """No model was asked."""
    tasks: int
    incomplete: int
    """Runs that are left out of every number, because the log lacks an answer."""
    resumed: int
    """Runs that were in the ledger before and were not done again."""
    numbers: FiveNumbers
    efficiency: float | None
    seeds: tuple[SeedNumbers, ...]
    greedy_interval: Interval
    selected_interval: Interval
    """Wilson intervals over the tasks, 95 %."""
    gained: tuple[str, ...]
    """Tasks that the loop got right more often than the greedy sample."""
    lost: tuple[str, ...]
    """Tasks that the greedy sample got right more often."""
    p_value: float
    """Of no difference between greedy and loop: McNemar's exact test on the gained and the lost tasks."""
    calibration: tuple[Calibrated, ...]
    proved_wrong: tuple[str, ...]
    """Tasks with a capsule of V2 or more that fails the hidden tests."""
    confident_wrong: float
    """Runs labelled V3 or higher that are wrong, of all runs."""
    signed_wrong: float
    """Runs that the platform's decision allows and that are wrong, of all runs."""
    fixing: Fixing
    extraction_rate: float
    """Samples that gave a parsable function, of all that ended by themselves."""
    cut_off_rate: float
    """Samples that ended at the cap on tokens, of all samples."""
    greedy_tokens_mean: float
    seconds_mean: float
    """Of work, a run; with a log they tell nothing about the model."""


def summarise(
    benchmark: str,
    model: ModelId,
    rows: Sequence[TaskResult],
    *,
    resumed: int = 0,
    incomplete: int = 0,
    replay_only: bool = False,
) -> Report:
    """Fold the ledger's rows. `rows` must not be empty. Pure."""
    by_task, by_seed = _grouped(rows, lambda row: row.task), _grouped(rows, lambda row: row.seed)
    numbers, tasks = five_numbers(rows), len(by_task)
    ahead = {task: sum(row.right - row.greedy_right for row in runs) for task, runs in by_task.items()}
    gained = tuple(sorted(task for task, more in ahead.items() if more > 0))
    lost = tuple(sorted(task for task, more in ahead.items() if more < 0))
    cut_off = sum(row.cut_off for row in rows)
    samples = sum(row.samples for row in rows)
    return Report(
        benchmark=benchmark,
        model=model,
        replay_only=replay_only,
        tasks=tasks,
        incomplete=incomplete,
        resumed=resumed,
        numbers=numbers,
        efficiency=numbers.efficiency,
        seeds=tuple(
            SeedNumbers(seed=seed, **five_numbers(runs).model_dump())
            for seed, runs in sorted(by_seed.items())
        ),
        greedy_interval=wilson(numbers.greedy * tasks, tasks),
        selected_interval=wilson(numbers.selected * tasks, tasks),
        gained=gained,
        lost=lost,
        p_value=mcnemar(len(gained), len(lost)),
        calibration=tuple(_calibrated(rows, level) for level in CALIBRATED),
        proved_wrong=tuple(sorted({row.task for row in _labelled(rows, Level.V2) if not row.right})),
        confident_wrong=sum(not row.right for row in _labelled(rows, Level.V3)) / len(rows),
        signed_wrong=sum(row.allowed and not row.right for row in rows) / len(rows),
        fixing=_fixing(rows),
        extraction_rate=sum(row.extracted for row in rows) / max(1, samples - cut_off),
        cut_off_rate=cut_off / max(1, samples),
        greedy_tokens_mean=fmean(row.greedy_tokens for row in rows),
        seconds_mean=fmean(row.seconds for row in rows),
    )


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


def _grouped(rows: Sequence[TaskResult], key: Callable[[TaskResult], Key]) -> dict[Key, list[TaskResult]]:
    groups: dict[Key, list[TaskResult]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _labelled(rows: Sequence[TaskResult], least: Level) -> list[TaskResult]:
    """The runs with this level or a higher one; the levels' names are in their order."""
    return [row for row in rows if row.level is not None and row.level >= least]


def _calibrated(rows: Sequence[TaskResult], level: Level) -> Calibrated:
    labelled = _labelled(rows, level)
    right = sum(row.right for row in labelled)
    return Calibrated(
        level=level,
        runs=len(labelled),
        right=right,
        coverage=len(labelled) / len(rows),
        right_interval=wilson(right, len(labelled)),
    )


def _fixing(rows: Sequence[TaskResult]) -> Fixing:
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


def write_report(report: BaseModel, path: Path) -> None:
    """Atomically: a reader sees the old report or the new one."""
    part = path.with_suffix(".part")
    part.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    part.replace(path)
