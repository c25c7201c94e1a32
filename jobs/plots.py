"""The plots of an evaluation's report, each as SVG text. Needs matplotlib (extra ``eval``)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from jobs.numbers import Interval
from jobs.paired import wilson
from jobs.report import Report
from jobs.results import TaskResult

SIZE_INCHES = (6.4, 3.6)
BINS = 40
COLOUR = "#2f6feb"
_STYLE: Any = {
    "svg.hashsalt": "qlayer",
    "svg.fonttype": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
"""The salt keeps the ids inside a file the same from run to run; text stays text."""


def rates_plot(report: Report) -> str:
    """The four rates with their Wilson intervals over the tasks, 95 %."""
    numbers, tasks = report.numbers, report.tasks
    rates = {
        "greedy": numbers.greedy,
        "random": numbers.random,
        "selected": numbers.selected,
        "oracle": numbers.oracle,
    }
    figure, axes = _axes("runs that are right")
    _bars(axes, {name: (rate, wilson(rate * tasks, tasks)) for name, rate in rates.items()})
    return _svg(figure)


def calibration_plot(report: Report) -> str:
    """Of the runs with a level or a higher one: the share that is right with its interval, and how many."""
    figure, axes = _axes("right, of those labelled")
    bars = {
        f"{one.level}+ ({one.coverage:.0%} of runs)": (one.right / one.runs, one.right_interval)
        for one in report.calibration
        if one.runs
    }
    _bars(axes, bars)
    return _svg(figure)


def tokens_plot(rows: Sequence[TaskResult]) -> str:
    """How many tokens the runs took."""
    figure, axes = _axes("runs")
    axes.set_xlabel("generated tokens")
    axes.hist([row.tokens for row in rows], bins=BINS, color=COLOUR)
    return _svg(figure)


def _axes(y_label: str) -> tuple[Figure, Axes]:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=SIZE_INCHES, layout="constrained")
        axes = figure.add_subplot()
    axes.set_ylabel(y_label)
    return figure, axes


def _bars(axes: Axes, bars: Mapping[str, tuple[float, Interval]]) -> None:
    """Shares with the ends of their intervals."""
    names, shares = list(bars), [share for share, _ in bars.values()]
    below = [max(0.0, share - low) for share, (low, _) in bars.values()]
    above = [max(0.0, high - share) for share, (_, high) in bars.values()]
    axes.bar(names, shares, yerr=[below, above], color=COLOUR, ecolor="#24292f", capsize=4)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))


def _svg(figure: Figure) -> str:
    """The figure's element alone, without what stands before it in a file of its own."""
    into = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(into, format="svg", metadata={"Date": None})
    text = into.getvalue()
    return text[text.index("<svg") :]
