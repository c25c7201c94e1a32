"""Judge a file of jobs durably: JSONL in, a ledger of verdicts out.

Killed at any point, the same command does only what is missing: no line is lost, none is doubled. Run it as
a Ray Job (``python -m jobs.submit grade -- --jobs FILE``), where one supervisor on each node judges, or
directly (``python -m jobs.grade --jobs FILE``) with a Ray of its own.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import ray
import typer

from jobs.ending import explained
from qlayer.app.batch import SYNC_S, BatchPlan, VerdictRow, grade
from qlayer.app.grading import own_ray, ray_grader
from qlayer.app.settings import Settings, load_settings
from qlayer.executor.ledger import open_ledger
from qlayer.telemetry.metrics import Instrument, Metric
from qlayer.types.verdict import Outcome
from qlayer.validation.job_files import NamedJob, read_lines
from serve_apps.ray_metrics import ray_instrument

VERDICTS = Metric("qlayer_grade_verdicts_total", "counter", "Jobs judged, by outcome", labels=("outcome",))
LEFT = Metric("qlayer_grade_jobs_left", "gauge", "Jobs of the batch that are not judged yet", labels=())
WALL = Metric(
    "qlayer_grade_wall_seconds",
    "histogram",
    "Wall seconds of one program",
    labels=(),
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
)
_STEP = 500
"""A line of progress every so many verdicts."""


class Progress:
    """Counts verdicts into Ray's metrics and, now and then, onto stderr."""

    def __init__(self, plan: BatchPlan) -> None:
        self._instruments: dict[Metric, Instrument] = {m: ray_instrument(m) for m in (VERDICTS, LEFT, WALL)}
        self._total, self._done = plan.total, len(plan.rows)
        self._instruments[LEFT].record(self._total - self._done, {})
        if plan.rows:
            typer.echo(f"{self._done} of {self._total} jobs are in the ledger already", err=True)

    def __call__(self, row: VerdictRow) -> None:
        self._done += 1
        self._instruments[VERDICTS].record(1, {"outcome": row.outcome.value})
        self._instruments[WALL].record(row.usage.wall_s, {})
        self._instruments[LEFT].record(self._total - self._done, {})
        if self._done % _STEP == 0 or self._done == self._total:
            typer.echo(f"{self._done}/{self._total} jobs judged", err=True)


@contextmanager
def the_ray(supervisors: int | None) -> Iterator[None]:
    """The Ray that this job was submitted to, or one of its own."""
    if os.environ.get("RAY_ADDRESS"):
        ray.init(log_to_driver=False)
        try:
            yield
        finally:
            ray.shutdown()
    else:
        with own_ray(supervisors or os.cpu_count() or 1):
            yield


async def judge(
    settings: Settings,
    jobs: Sequence[NamedJob],
    out: Path,
    *,
    supervisors: int | None,
    workers: int,
    cpus: float,
) -> list[VerdictRow]:
    """Every row of the batch, those from the ledger included. Ray must be initialised."""
    with open_ledger(out, VerdictRow, sync_s=SYNC_S) as ledger:
        plan = BatchPlan(jobs, ledger.rows)
        progress = Progress(plan)
        if not plan.missing and not plan.same:
            return plan.rows
        async with ray_grader(settings, workers, supervisors, cpus=cpus) as grader:
            return await grade(plan, grader, ledger, progress)


def main(
    jobs: Annotated[Path, typer.Option(help="JSONL: one job a line, as `qlayer validate` reads them")],
    out: Annotated[Path | None, typer.Option(help="the ledger; default: beside the jobs")] = None,
    supervisors: Annotated[int | None, typer.Option(min=1, help="default: one for each node")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="jobs at once, per supervisor")] = 1,
    cpus: Annotated[float, typer.Option(min=0, help="Ray's CPU tickets per supervisor")] = 0.0,
) -> None:
    """Judge every job once; resumable. Status 1 when one was not accepted."""
    ledger = (out or jobs.with_suffix(".verdicts.jsonl")).resolve()
    with explained():
        batch = read_lines(jobs)
        with the_ray(supervisors):
            judging = judge(
                load_settings(), batch, ledger, supervisors=supervisors, workers=workers, cpus=cpus
            )
            rows = asyncio.run(judging)
    for outcome, count in Counter(row.outcome for row in rows).most_common():
        typer.echo(f"{outcome.value:16} {count}")
    typer.echo(f"verdicts in {ledger}")
    raise typer.Exit(0 if all(row.outcome is Outcome.ACCEPTED for row in rows) else 1)


if __name__ == "__main__":
    typer.run(main)
