"""An evaluation's report as tables for people."""

from __future__ import annotations

from rich.table import Table

from jobs.numbers import Calibrated, FiveNumbers, Interval
from jobs.report import Report
from qlayer.cli.render import table

FIVE = ("greedy", "random", "selected", "oracle", "efficiency", "tokens", "p95")


def report_tables(report: Report) -> tuple[Table, ...]:
    """The five numbers, seed by seed where there are several; what stands behind them; the levels."""
    return _numbers(report), _measures(report), _levels(report)


def five_cells(numbers: FiveNumbers) -> tuple[str, ...]:
    """Under the headings `FIVE`."""
    rates = (numbers.greedy, numbers.random, numbers.selected, numbers.oracle)
    efficiency = "" if numbers.efficiency is None else f"{numbers.efficiency:.2f}"
    return (
        *(f"{rate:.1%}" for rate in rates),
        efficiency,
        f"{numbers.tokens_mean:.0f}",
        str(numbers.tokens_p95),
    )


def _numbers(report: Report) -> Table:
    mode = ", replayed from a log" if report.replay_only else ""
    seeds = [(f"seed {one.seed}", *five_cells(one)) for one in report.seeds if len(report.seeds) > 1]
    return table(
        "runs",
        *FIVE,
        rows=(*seeds, ("all", *five_cells(report.numbers))),
        title=f"{report.benchmark} with {report.model}, {report.tasks} tasks{mode}",
    )


def _measures(report: Report) -> Table:
    fixing = report.fixing
    rows = (
        ("greedy, 95 %", interval_words(report.greedy_interval)),
        ("selected, 95 %", interval_words(report.selected_interval)),
        ("tasks gained / lost", f"{len(report.gained)} / {len(report.lost)} (p = {report.p_value:.3g})"),
        ("V3 or higher but wrong, of all", f"{report.confident_wrong:.1%}"),
        ("signed but wrong, of all", f"{report.signed_wrong:.1%}"),
        ("programs changed by a fix, right", f"{fixing.changed}, {fixing.changed_right}"),
        ("programs broken, rescued, right", f"{fixing.broken}, {fixing.rescued}, {fixing.rescued_right}"),
        ("extraction rate", f"{report.extraction_rate:.1%}"),
        ("cut off at the token cap", f"{report.cut_off_rate:.1%}"),
        ("greedy tokens a run", f"{report.greedy_tokens_mean:.0f}"),
        ("seconds a run", f"{report.seconds_mean:.1f}"),
        ("taken from the ledger", str(report.resumed)),
        ("incomplete, left out", str(report.incomplete)),
    )
    return table("measure", "value", rows=rows, title="behind the numbers")


def _levels(report: Report) -> Table:
    rows = [(row.level, f"{row.runs} ({row.coverage:.1%})", right_words(row)) for row in report.calibration]
    return table("level or higher", "coverage", "right", rows=rows, title="what the levels were worth")


def right_words(row: Calibrated) -> str:
    """How many of a level's runs are right; empty without any."""
    if not row.runs:
        return ""
    return f"{row.right} ({row.right / row.runs:.1%}, 95 %: {interval_words(row.right_interval)})"


def interval_words(interval: Interval) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}"
