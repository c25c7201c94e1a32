"""Evaluate the product: greedy against the loop on a benchmark of functions, or the suite of whole projects.

Each item goes through the whole pipeline as a user's request would; hidden tests only score. Everything is
resumable (`jobs.resumable`): the same command does only what is missing.

Run it as a Ray Job (``python -m jobs.submit evaluate -- --benchmark humaneval``) or directly
(``python -m jobs.evaluate --benchmark humaneval``, ``python -m jobs.evaluate --suite briefs``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Annotated, Literal

import typer
from pydantic import BaseModel
from rich.table import Table

from jobs import brief_suite
from jobs.benchmarks import Task, load_tasks
from jobs.brief_report import brief_table
from jobs.ending import explained
from jobs.function_suite import evaluate_functions
from jobs.plan import Setup
from jobs.report import Report, write_report
from jobs.report_table import report_tables
from jobs.results import TaskResult
from qlayer.app.settings import load_settings
from qlayer.cli.render import err as stderr
from qlayer.cli.render import out as stdout
from qlayer.cli.render import print_json
from qlayer.errors import InputError
from qlayer.types.usage import Budget


def some_of(tasks: tuple[Task, ...], random: int | None) -> tuple[Task, ...]:
    """A fixed random subset, in the file's order: the same one on every machine. Raises `InputError`."""
    if random is None:
        return tasks
    if random > len(tasks):
        raise InputError("the benchmark has fewer tasks", field="random", limit=f"at most {len(tasks)}")
    return tuple(tasks[at] for at in sorted(Random(0).sample(range(len(tasks)), random)))


def chosen_tasks(benchmark: str, random: int | None, first: int, limit: int | None) -> tuple[Task, ...]:
    """Raises `InputError` when no task is left."""
    tasks = some_of(load_tasks(benchmark), random)[first : None if limit is None else first + limit]
    if not tasks:
        raise InputError("no task is left after --first and --limit", field="limit")
    return tasks


def show(report: BaseModel, tables: Sequence[Table], setup: Setup, *, as_json: bool) -> None:
    """Into ``report.json``, and to stdout as JSON or as tables."""
    write_report(report, setup.out / "report.json")
    if as_json:
        print_json(report)
        return
    for table in tables:
        stdout().print(table)
        stdout().print()


def write_page(report: Report, rows: Sequence[TaskResult], setup: Setup) -> None:
    """``report.html``; without matplotlib a line on stderr says why there is none."""
    if find_spec("matplotlib") is None:
        stderr().print("no report.html: its plots need matplotlib; pip install 'qlayer[eval]'")
        return
    from jobs.report_html import html_report  # needs matplotlib, which is optional and slow to import

    (setup.out / "report.html").write_text(html_report(report, rows), encoding="utf-8")


def main(
    suite: Annotated[
        Literal["functions", "briefs"], typer.Option(help="a benchmark's functions, or our whole projects")
    ] = "functions",
    benchmark: Annotated[str, typer.Option(help="of functions: humaneval, or a JSONL file")] = "humaneval",
    model: Annotated[
        str | None, typer.Option(help="id of the catalogue; default: the configured one")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder of the ledger; the same one resumes")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="how many tasks")] = None,
    first: Annotated[int, typer.Option(min=0, help="index of the first task")] = 0,
    random: Annotated[int | None, typer.Option(min=1, help="a fixed random subset of so many tasks")] = None,
    seed: Annotated[
        list[int] | None, typer.Option(min=0, help="of every run; repeat it for several, default 0")
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(help="answers to replay (jobs.draw); missing ones are added"),
    ] = None,
    replay_only: Annotated[
        bool, typer.Option(help="ask no model: what the log lacks is counted as incomplete")
    ] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="tasks at once")] = 2,
    llm_url: Annotated[str | None, typer.Option(help="OpenAI-compatible server; default: settings")] = None,
    budget_tokens: Annotated[int, typer.Option(min=1, help="generated tokens a task")] = 6_000,
    budget_seconds: Annotated[float, typer.Option(min=1, help="seconds a task")] = 3_600.0,
    json_output: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
) -> None:
    """Greedy against the loop, or whole projects; resumable, hidden tests only score."""
    with explained():
        if replay_only and log is None:
            raise InputError("there is nothing to replay", field="replay_only", hint="give --log FOLDER")
        settings = load_settings(
            model=model, llm_url=llm_url, budget=Budget(tokens=budget_tokens, seconds=budget_seconds)
        )
        name = "briefs" if suite == "briefs" else Path(benchmark).stem
        setup = Setup(
            out=(out or settings.data_dir / "evaluations" / f"{name}-{settings.model}").resolve(),
            seeds=tuple(dict.fromkeys(seed or [0])),
            concurrency=concurrency,
            log=log,
            replay_only=replay_only,
        )
        if suite == "briefs":
            briefs = brief_suite.chosen_briefs(first, limit)
            of_briefs = asyncio.run(brief_suite.evaluate_briefs(settings, setup, briefs, quiet=json_output))
            show(of_briefs, [brief_table(of_briefs)], setup, as_json=json_output)
            return
        tasks = chosen_tasks(benchmark, random, first, limit)
        report, rows = asyncio.run(
            evaluate_functions(settings, setup, Path(benchmark).name, tasks, quiet=json_output)
        )
        show(report, report_tables(report), setup, as_json=json_output)
        write_page(report, rows, setup)


if __name__ == "__main__":
    typer.run(main)
