"""A batch of jobs from the command line: progress while it runs, a summary with plots at its end."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from qlayer.app.batch import SYNC_S, BatchPlan, VerdictRow, grade
from qlayer.app.grading import Grader, local_grader, own_ray, ray_grader
from qlayer.app.settings import Settings
from qlayer.cli.batch_summary import save_plot, summary
from qlayer.cli.render import err, out, print_json
from qlayer.errors import ConfigurationError, InputError, RunCancelled
from qlayer.executor.ledger import open_ledger
from qlayer.types.verdict import Outcome
from qlayer.validation.job_files import NamedJob

_PLAIN_STEP = 500
"""Without a terminal: a line of progress every so many verdicts."""


class BatchOptions(NamedTuple):
    """How a batch is run and where its verdicts go."""

    out: Path | None
    workers: int
    ray: bool
    supervisors: int
    plot: Path | None
    as_json: bool


def judge_batch(settings: Settings, jobs: Sequence[NamedJob], options: BatchOptions) -> bool:
    """Judge all; True when every job was accepted. Raises `RunCancelled` on Ctrl-C, saying how to go on."""
    if not jobs:
        raise InputError("there is no job in it", field="PATH")
    if options.plot is not None and options.plot.suffix not in (".svg", ".html", ".txt"):
        raise InputError("a plot is written as .svg, .html or .txt", field="--plot")
    rows: list[VerdictRow] = []
    try:
        asyncio.run(_judged(settings, jobs, options, rows))
    except KeyboardInterrupt:
        hint = (
            "the same command goes on where it was" if options.out else "with --out it could go on from here"
        )
        raise RunCancelled(f"interrupted: {len(rows)} of {len(jobs)} jobs are judged", hint=hint) from None
    if options.as_json:
        print_json(rows)
    else:
        out().print(summary(rows))
    if options.plot is not None:
        save_plot(rows, options.plot)
    return all(row.outcome is Outcome.ACCEPTED for row in rows)


async def _judged(
    settings: Settings, jobs: Sequence[NamedJob], options: BatchOptions, rows: list[VerdictRow]
) -> None:
    async with AsyncExitStack() as stack:
        ledger = None
        if options.out is not None:
            ledger = stack.enter_context(open_ledger(options.out, VerdictRow, sync_s=SYNC_S))
        plan = BatchPlan(jobs, ledger.rows if ledger else ())
        rows += plan.rows
        advance = stack.enter_context(_progress(plan, quiet=options.as_json))

        def on_row(row: VerdictRow) -> None:
            rows.append(row)
            advance(row)

        if plan.missing or plan.same:
            grader = await stack.enter_async_context(_grader(settings, options))
            await grade(plan, grader, ledger, on_row)


@contextlib.asynccontextmanager
async def _grader(settings: Settings, options: BatchOptions) -> AsyncIterator[Grader]:
    if not options.ray:
        async with local_grader(settings, options.workers) as local:
            yield local
        return
    if importlib.util.find_spec("ray") is None:
        raise ConfigurationError("Ray is not installed", hint="pip install 'qlayer[ray]'")
    with own_ray(options.supervisors):
        async with ray_grader(settings, options.workers, options.supervisors) as over_ray:
            yield over_ray


@contextlib.contextmanager
def _progress(plan: BatchPlan, *, quiet: bool) -> Iterator[Callable[[VerdictRow], None]]:
    console = err()
    counts = Counter(row.outcome for row in plan.rows)
    if plan.rows and not quiet:
        console.print(f"{len(plan.rows)} of {plan.total} jobs are on record already")
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        task = bar.add_task("jobs", total=plan.total, completed=len(plan.rows))

        def advance(row: VerdictRow) -> None:
            counts[row.outcome] += 1
            done, accepted = counts.total(), counts[Outcome.ACCEPTED]
            bar.update(task, completed=done, description=f"accepted {accepted}/{done}")
            if not quiet and not console.is_terminal and (done % _PLAIN_STEP == 0 or done == plan.total):
                console.print(f"{done}/{plan.total} jobs, {accepted} accepted")

        yield advance
