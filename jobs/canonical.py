"""Are correct programs judged correct, every time? The authors' own solutions, judged again and again.

Split mode, under the sandbox's default limits; anything but ACCEPTED, or an answer that changes, is a defect
of the sandbox. Tasks that need anything else (limits, an import for their tests, to be judged in one process)
stand in ``special_needs.json``, each with its reason.

    python -m jobs.canonical --benchmark humaneval --benchmark mbpp_dev.jsonl --repeats 20
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from jobs.benchmarks import Reference, load_references
from jobs.ending import explained
from qlayer.app.settings import load_settings
from qlayer.cli.render import err, out, print_json, table
from qlayer.sandbox.base import Limits, ProgramJob, Sandbox, SandboxJob, SandboxResult, SplitJob
from qlayer.sandbox.retrying import RetryingSandbox
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

SPECIAL_FILE = Path(__file__).with_name("special_needs.json")
_MODULE = "solution"


class Special(Frozen):
    """What one task needs beside the default, and why."""

    reason: str
    limits: Limits | None = None
    prelude: str = ""
    """Put before its tests."""
    together: bool = False
    """Judged as one program, solution and tests in one process: such a verdict can be forged."""


class Tally(Frozen):
    """One task over all repeats."""

    id: str
    outcomes: dict[Outcome, int]
    special: Special | None = None
    """What it needs; None: nothing but the default."""
    cause: str = ""
    """Of the last run that was not accepted."""
    cpu_s: float = 0.0
    """The most of one run; so are the next two."""
    wall_s: float = 0.0
    memory_bytes: int = 0

    @property
    def sound(self) -> bool:
        return set(self.outcomes) == {Outcome.ACCEPTED}

    @property
    def flips(self) -> bool:
        return len(self.outcomes) > 1


class CanonicalReport(Frozen):
    """One benchmark."""

    benchmark: str
    tasks: int
    repeats: int
    accepted: int
    """Tasks that were ACCEPTED in every repeat."""
    flips: tuple[str, ...]
    """Tasks whose outcome changed between repeats."""
    failed: tuple[Tally, ...]
    special: tuple[Tally, ...]
    seconds: float
    cpu_s: float
    """Of the judged programs, all runs together."""

    @property
    def sound(self) -> bool:
        return self.accepted == self.tasks


def load_special(path: Path = SPECIAL_FILE) -> dict[str, Special]:
    """By task id."""
    return {name: Special.model_validate(entry) for name, entry in json.loads(path.read_text()).items()}


def job_for(reference: Reference, special: Special | None) -> SandboxJob:
    """The authors' solution, to be judged by the task's hidden tests: in split mode but for special needs."""
    task = reference.task
    tests = f"{special.prelude}\n{task.tests}" if special is not None else task.tests
    if special is not None and special.together:
        whole = SourceTree().with_files({f"{_MODULE}.py": f"{reference.code}\n\n{tests}"})
        return ProgramJob(tree=whole, path=f"{_MODULE}.py")
    tree = SourceTree().with_files({f"{_MODULE}.py": reference.code})
    return SplitJob(tree=tree, module=_MODULE, function=task.entry_point, tests=tests)


async def judge_all(
    sandbox: Sandbox,
    references: Sequence[Reference],
    *,
    benchmark: str,
    repeats: int,
    special: Mapping[str, Special] | None = None,
    on_done: Callable[[], None] = lambda: None,
) -> CanonicalReport:
    """Every solution `repeats` times, the rounds one after the other. Raises `SandboxError`."""
    special = load_special() if special is None else special
    results: dict[str, list[SandboxResult]] = {reference.task.id: [] for reference in references}

    async def judge(reference: Reference) -> None:
        needs = special.get(reference.task.id)
        limits = needs.limits if needs is not None else None
        results[reference.task.id].append(await sandbox.run(job_for(reference, needs), limits))
        on_done()

    started = time.monotonic()
    for _ in range(repeats):
        await asyncio.gather(*(judge(reference) for reference in references))
    tallies = [tally(name, runs, special.get(name)) for name, runs in results.items()]
    return CanonicalReport(
        benchmark=benchmark,
        tasks=len(tallies),
        repeats=repeats,
        accepted=sum(each.sound for each in tallies),
        flips=tuple(each.id for each in tallies if each.flips),
        failed=tuple(each for each in tallies if not each.sound),
        special=tuple(each for each in tallies if each.special is not None),
        seconds=time.monotonic() - started,
        cpu_s=sum(run.usage.cpu_s for runs in results.values() for run in runs),
    )


def tally(name: str, runs: Sequence[SandboxResult], special: Special | None) -> Tally:
    """Counts the outcomes of one task's runs."""
    causes = [run.verdict.cause for run in runs if not run.verdict.accepted]
    return Tally(
        id=name,
        outcomes=dict(Counter(run.verdict.outcome for run in runs)),
        special=special,
        cause=causes[-1] if causes else "",
        cpu_s=max(run.usage.cpu_s for run in runs),
        wall_s=max(run.usage.wall_s for run in runs),
        memory_bytes=max(run.usage.memory_peak_bytes for run in runs),
    )


def print_report(report: CanonicalReport, console: Console) -> None:
    """One line of result, then what failed, then what has limits of its own."""
    console.print(
        f"{report.benchmark}: {report.accepted}/{report.tasks} ACCEPTED in each of {report.repeats} repeats, "
        f"{len(report.flips)} flips; {report.seconds:.0f} s, programs' CPU {report.cpu_s:.0f} s"
    )
    if report.failed:
        rows = (
            (each.id, _outcomes(each), "yes" if each.flips else "no", each.cause) for each in report.failed
        )
        console.print(table("task", "outcomes", "flips", "last cause", rows=rows))
    if report.special:
        special = [(each, each.special) for each in report.special if each.special is not None]
        lines = ((each.id, _needs(own), f"{each.cpu_s:.2f}", own.reason) for each, own in special)
        console.print(table("special needs", "instead of the default", "CPU s", "reason", rows=lines))


def _outcomes(each: Tally) -> str:
    return ", ".join(f"{outcome.value} x{count}" for outcome, count in sorted(each.outcomes.items()))


def _needs(special: Special) -> str:
    limits = special.limits.model_dump(exclude_defaults=True) if special.limits is not None else {}
    needs = [f"{name}={value}" for name, value in limits.items()]
    needs += [f"tests begin with {special.prelude!r}"] * bool(special.prelude)
    return ", ".join(needs + ["one process"] * special.together)


async def measure(benchmarks: Sequence[str], repeats: int, *, quiet: bool) -> list[CanonicalReport]:
    """Open the configured sandbox and judge all benchmarks. Raises `QlayerError`."""
    console, reports = err(), []
    async with RetryingSandbox(WarmSandbox(load_settings().warm)) as sandbox:
        for benchmark in benchmarks:
            references = load_references(benchmark)
            done = 0

            def count(total: int = len(references) * repeats, name: str = Path(benchmark).name) -> None:
                nonlocal done
                done += 1
                if not quiet and done % 500 == 0:
                    console.print(f"{name}: {done}/{total}")

            reports.append(
                await judge_all(
                    sandbox, references, benchmark=Path(benchmark).name, repeats=repeats, on_done=count
                )
            )
    return reports


def main(
    benchmark: Annotated[
        list[str] | None, typer.Option(help="humaneval, or a JSONL file; repeatable")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, max=1_000, help="times that each solution is judged")] = 20,
    json_output: Annotated[bool, typer.Option("--json", help="print the reports as JSON")] = False,
) -> None:
    """Judge the authors' solutions of a benchmark; exit status 1 when one is not ACCEPTED every time."""
    with explained(stopped="stopped; nothing was kept"):
        reports = asyncio.run(measure(benchmark or ["humaneval"], repeats, quiet=json_output))
    if json_output:
        print_json(reports)
    else:
        for report in reports:
            print_report(report, out())
    raise typer.Exit(0 if all(report.sound for report in reports) else 1)


if __name__ == "__main__":
    typer.run(main)
