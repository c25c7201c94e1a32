"""What an evaluation says: five numbers, a table for people, a file for programs, and progress on the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from jobs.paired import mcnemar, wilson
from qlayer.types.check import Level
from qlayer.types.frozen import Frozen
from qlayer.types.ids import ModelId
from qlayer.types.verdict import Outcome

if TYPE_CHECKING:
    from jobs.evaluate import TaskResult


class Calibrated(Frozen):
    """What a level was worth: the tasks labelled with it or a higher one, and how many are right."""

    level: str
    tasks: int
    right: int
    coverage: float
    """Of all tasks."""
    right_low: float
    right_high: float
    """Ends of the Wilson interval of right / tasks, 95 %."""


class Report(Frozen):
    """An evaluation, summed up. Rates are 0 to 1; tokens are generated tokens."""

    benchmark: str
    model: ModelId
    tasks: int
    resumed: int
    """Tasks that were in the ledger before this run and were not done again."""
    extraction_rate: float
    """Samples that gave a parsable function, of all that ended by themselves."""
    cut_off_rate: float
    """Samples that ended at the cap on tokens, of all samples."""
    greedy_passed: int
    final_passed: int
    greedy_rate: float
    final_rate: float
    gained: tuple[str, ...]
    """Tasks that the loop got right and the greedy sample did not."""
    lost: tuple[str, ...]
    """Tasks that the greedy sample got right and the loop did not."""
    p_value: float
    """Of no difference between greedy and loop, McNemar's exact test on the gained and the lost."""
    greedy_interval: tuple[float, float]
    final_interval: tuple[float, float]
    """Wilson intervals of the rates, 95 %."""
    calibration: tuple[Calibrated, ...]
    proved: int
    """Tasks whose capsule reached V2 or more."""
    proved_wrong: tuple[str, ...]
    """Of those, the ones that fail the hidden tests."""
    greedy_tokens_mean: float
    tokens_mean: float
    tokens_p95: int
    seconds_mean: float


class ProgressLine:
    """A bar on a terminal, a line per ten tasks elsewhere."""

    def __init__(self, *, total: int, done: int, quiet: bool) -> None:
        self._console = Console(stderr=True)
        self._total, self._done, self._passed, self._greedy, self._seen = total, done, 0, 0, 0
        self._quiet = quiet
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("tasks", total=total, completed=done)

    def __enter__(self) -> ProgressLine:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def advance(self, result: TaskResult) -> None:
        self._done += 1
        self._seen += 1
        self._passed += result.final is Outcome.ACCEPTED
        self._greedy += result.greedy is Outcome.ACCEPTED
        text = f"greedy {self._greedy}/{self._seen}  loop {self._passed}/{self._seen}"
        self._bar.update(self._task, completed=self._done, description=text)
        plain = not self._quiet and not self._console.is_terminal
        if plain and (self._done % 10 == 0 or self._done == self._total):
            self._console.print(f"{self._done}/{self._total} tasks  {text}", highlight=False)


def summarise(benchmark: str, model: ModelId, rows: Sequence[TaskResult], resumed: int) -> Report:
    """Fold the ledger's rows. `rows` must not be empty."""
    tokens = sorted(row.tokens for row in rows)
    proved = _labelled(rows, Level.V2)
    greedy = {row.task for row in rows if row.greedy is Outcome.ACCEPTED}
    final = {row.task for row in rows if row.final is Outcome.ACCEPTED}
    count = len(rows)
    samples, cut_off = sum(r.samples for r in rows), sum(r.cut_off for r in rows)
    return Report(
        benchmark=benchmark,
        model=model,
        tasks=count,
        resumed=resumed,
        extraction_rate=sum(r.extracted for r in rows) / max(1, samples - cut_off),
        cut_off_rate=cut_off / max(1, samples),
        greedy_passed=len(greedy),
        final_passed=len(final),
        greedy_rate=len(greedy) / count,
        final_rate=len(final) / count,
        gained=tuple(sorted(final - greedy)),
        lost=tuple(sorted(greedy - final)),
        p_value=mcnemar(len(final - greedy), len(greedy - final)),
        greedy_interval=wilson(len(greedy), count),
        final_interval=wilson(len(final), count),
        calibration=tuple(_calibrated(rows, level) for level in (Level.V2, Level.V3, Level.V4)),
        proved=len(proved),
        proved_wrong=tuple(sorted(r.task for r in proved if r.final is not Outcome.ACCEPTED)),
        greedy_tokens_mean=sum(r.greedy_tokens for r in rows) / count,
        tokens_mean=sum(tokens) / count,
        tokens_p95=tokens[min(count - 1, int(0.95 * count))],
        seconds_mean=sum(r.seconds for r in rows) / count,
    )


def _labelled(rows: Sequence[TaskResult], least: Level) -> list[TaskResult]:
    """The tasks with this level or a higher one; the levels' names are in their order."""
    return [row for row in rows if row.level is not None and row.level >= least]


def _calibrated(rows: Sequence[TaskResult], level: Level) -> Calibrated:
    labelled = _labelled(rows, level)
    right = sum(row.final is Outcome.ACCEPTED for row in labelled)
    low, high = wilson(right, len(labelled))
    return Calibrated(
        level=level,
        tasks=len(labelled),
        right=right,
        coverage=len(labelled) / len(rows),
        right_low=low,
        right_high=high,
    )


def write_report(report: Report, path: Path) -> None:
    """Atomically: a reader sees the old report or the new one."""
    part = path.with_suffix(".part")
    part.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def print_report(report: Report, *, as_json: bool) -> None:
    console = Console()
    if as_json:
        console.out(report.model_dump_json(indent=2), highlight=False)
        return
    table = Table(title=f"{report.benchmark} with {report.model}, {report.tasks} tasks")
    table.add_column("measure")
    table.add_column("value", justify="right")
    for name, value in (
        ("extraction rate", f"{report.extraction_rate:.1%}"),
        ("cut off at the token cap", f"{report.cut_off_rate:.1%}"),
        ("greedy", _rate(report.greedy_passed, report.greedy_rate, report.greedy_interval)),
        ("loop", _rate(report.final_passed, report.final_rate, report.final_interval)),
        (
            "gained / lost by the loop",
            f"{len(report.gained)} / {len(report.lost)} (p = {report.p_value:.3f})",
        ),
        ("proved (V2 or more)", str(report.proved)),
        (
            "proved but wrong",
            f"{len(report.proved_wrong)} ({len(report.proved_wrong) / max(1, report.proved):.1%})",
        ),
        (
            "tokens a task: greedy, loop, p95",
            f"{report.greedy_tokens_mean:.0f}, {report.tokens_mean:.0f}, {report.tokens_p95}",
        ),
        ("seconds a task", f"{report.seconds_mean:.1f}"),
        ("taken from the ledger", str(report.resumed)),
    ):
        table.add_row(name, value)
    console.print(table)
    levels = Table(title="what the levels were worth")
    for heading in ("level or higher", "coverage", "right"):
        levels.add_column(heading, justify="left" if heading.startswith("level") else "right")
    for row in report.calibration:
        share = row.right / row.tasks if row.tasks else None
        right = "" if share is None else _rate(row.right, share, (row.right_low, row.right_high))
        levels.add_row(row.level, f"{row.tasks} ({row.coverage:.1%})", right)
    console.print(levels)


def _rate(passed: int, rate: float, interval: tuple[float, float]) -> str:
    return f"{passed} ({rate:.1%}, 95 %: {interval[0]:.1%} to {interval[1]:.1%})"
