"""An evaluation's report as one HTML file that needs nothing else: tables, plots, what the loop changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from rich.table import Table

from jobs.plots import calibration_plot, rates_plot, tokens_plot
from jobs.report import Report
from jobs.report_table import report_tables
from jobs.results import TaskResult

TEMPLATE = Path(__file__).with_name("report.html.j2")


def html_report(report: Report, rows: Sequence[TaskResult]) -> str:
    """The page. What models wrote, and benchmarks' names, are escaped. Pure."""
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        TEMPLATE.read_text(encoding="utf-8")
    )
    return page.render(
        report=report,
        tables=[_cells(table) for table in report_tables(report)],
        plots=[
            ("rates, with 95 % intervals over the tasks", Markup(rates_plot(report))),
            ("what the levels were worth", Markup(calibration_plot(report))),
            ("tokens of a run", Markup(tokens_plot(rows))),
        ],
        changes=list(_changes(report, rows)),
    )


def _cells(table: Table) -> dict[str, object]:
    """The same table as on the screen."""
    columns = [list(column.cells) for column in table.columns]
    return {
        "title": table.title,
        "columns": [column.header for column in table.columns],
        "rows": list(zip(*columns, strict=True)),
    }


def _changes(report: Report, rows: Sequence[TaskResult]) -> Iterator[tuple[str, TaskResult]]:
    """The runs of the gained and the lost tasks in which the loop and the greedy sample differ."""
    for change, tasks in (("gained", report.gained), ("lost", report.lost)):
        for row in rows:
            if row.task in tasks and row.right != row.greedy_right:
                yield change, row
