"""What an evaluation says of a benchmark: five numbers and what stands behind them, folded from its rows.

With several seeds a task's share of right runs counts for the task: tasks are what was drawn at random, so
intervals and the test of significance are over tasks, and every seed makes them no narrower.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel

from jobs.numbers import (
    Calibrated,
    FiveNumbers,
    Fixing,
    Interval,
    SeedNumbers,
    calibrated,
    five_numbers,
    fixing,
    labelled,
)
from jobs.paired import changed, mcnemar, wilson
from jobs.results import TaskResult
from qlayer.types.check import Level
from qlayer.types.frozen import Frozen
from qlayer.types.ids import ModelId

CALIBRATED = (Level.V2, Level.V3, Level.V4)


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
    numbers, tasks = five_numbers(rows), len({row.task for row in rows})
    gained, lost = changed((row.task, row.greedy_right, row.right) for row in rows)
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
        seeds=_by_seed(rows),
        greedy_interval=wilson(numbers.greedy * tasks, tasks),
        selected_interval=wilson(numbers.selected * tasks, tasks),
        gained=gained,
        lost=lost,
        p_value=mcnemar(len(gained), len(lost)),
        calibration=tuple(calibrated(rows, level) for level in CALIBRATED),
        proved_wrong=tuple(sorted({row.task for row in labelled(rows, Level.V2) if not row.right})),
        confident_wrong=sum(not row.right for row in labelled(rows, Level.V3)) / len(rows),
        signed_wrong=sum(row.allowed and not row.right for row in rows) / len(rows),
        fixing=fixing(rows),
        extraction_rate=sum(row.extracted for row in rows) / max(1, samples - cut_off),
        cut_off_rate=cut_off / max(1, samples),
        greedy_tokens_mean=fmean(row.greedy_tokens for row in rows),
        seconds_mean=fmean(row.seconds for row in rows),
    )


def _by_seed(rows: Sequence[TaskResult]) -> tuple[SeedNumbers, ...]:
    seeds = sorted({row.seed for row in rows})
    runs = {seed: [row for row in rows if row.seed == seed] for seed in seeds}
    return tuple(SeedNumbers(seed=seed, **five_numbers(runs[seed]).model_dump()) for seed in seeds)


def write_report(report: BaseModel, path: Path) -> None:
    """Atomically: a reader sees the old report or the new one."""
    part = path.with_suffix(".part")
    part.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    part.replace(path)
