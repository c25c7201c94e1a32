"""Judge a log of samples and replay every selector on it: the five numbers for each way of choosing.

Reads the log of `jobs.draw`. Each sample becomes a candidate as in the loop (extract, autofix, gate, splice),
is checked with the trusted examples of its prompt and scored with the hidden tests, once each, into a ledger
of its own. Selection then needs no model: all selectors see the same candidates, the hidden tests only score.

``python -m jobs.replay --log FOLDER --benchmark humaneval``
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from jobs.benchmarks import Task, load_tasks
from jobs.draw import SampleRow
from jobs.ending import explained
from jobs.ledger import Ledger, open_ledger
from jobs.scoring import hidden_outcome
from jobs.selectors import Judged, JudgedRow, Rates, rates
from jobs.slotted import Slotted
from qlayer.app.settings import load_settings
from qlayer.errors import InputError
from qlayer.generation.autofix import autofix
from qlayer.generation.extract import extract_code
from qlayer.generation.gate import ast_digest
from qlayer.sandbox.base import Sandbox
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.verdict import Outcome
from qlayer.validation.behaviour import Program, compare
from qlayer.validation.checks import run_check
from qlayer.validation.inputs.draw import draw_inputs
from qlayer.validation.selection import Facts

INPUTS = 50
"""Fuzz inputs a task, as level V3 asks for."""


async def judge(task: Task, sample: SampleRow, sandbox: Sandbox) -> JudgedRow:
    """Check and score one sample. Raises `SandboxError`."""
    seen = Slotted.of(task)
    code, fixes = autofix(extract_code(sample.text, seen.slot), seen.slot)
    tree = seen.tree_with(code)
    passed = total = 0
    hidden = Outcome.COMPILE_ERROR
    if tree is not None:
        results = [await run_check(plan, tree, sandbox) for plan in seen.slot.checks]
        passed = sum(result.passed for result in results if result.trusted)
        total = sum(result.total for result in results if result.trusted)
        hidden = await hidden_outcome(task, seen.slot, tree, sandbox)
    return JudgedRow(
        key=sample.key,
        task=task.id,
        index=sample.index,
        code=code,
        ast=ast_digest(code),
        fixes=fixes,
        passed=passed,
        total=total,
        hidden=hidden,
        tokens=sample.tokens,
    )


async def compared(task: Task, rows: Sequence[JudgedRow], sandbox: Sandbox) -> Judged:
    """The facts of each candidate that runs, from its behaviour beside the others."""
    seen = Slotted.of(task)
    running = [row for row in rows if row.runs]
    programs = []
    for row in running:
        tree = seen.tree_with(row.code)
        assert tree is not None, "it ran before"
        programs.append(Program(tree=tree, module=seen.slot.module, function=task.entry_point))
    inputs = draw_inputs(seen.slot.signature, seen.slot.examples, count=INPUTS, brief=seen.slot.brief)
    clusters = await compare(programs, inputs, sandbox)
    facts = tuple(
        Facts(
            index=row.index,
            passed=row.passed,
            crash_free=clusters.crash_free[at],
            agreeing=len(clusters.group_of(at)),
            consensus=clusters.consensus[at],
        )
        for at, row in enumerate(running)
    )
    return Judged(task=task.id, rows=tuple(rows), facts=facts)


async def replay(
    tasks: Mapping[str, Task], log: Iterable[SampleRow], ledger: Ledger[JudgedRow], samples: int
) -> list[Judged]:
    """Judge what the ledger lacks, then compare the candidates of every task that has `samples` of them."""
    wanted = [row for row in log if row.task in tasks and row.index < samples]
    async with WarmSandbox(load_settings().warm) as sandbox:
        missing = [row for row in wanted if row.key not in ledger]
        for sample in track(missing, description="judging", console=Console(stderr=True)):
            ledger.add(await judge(tasks[sample.task], sample, sandbox))
        keys = {row.key for row in wanted}
        by_task: dict[str, list[JudgedRow]] = defaultdict(list)
        for row in ledger.rows:
            if row.key in keys:
                by_task[row.task].append(row)
        whole = {name: rows for name, rows in by_task.items() if len(rows) == samples}
        return [
            await compared(tasks[name], sorted(rows, key=lambda row: row.index), sandbox)
            for name, rows in track(whole.items(), description="comparing", console=Console(stderr=True))
        ]


def print_rates(seen: Rates) -> None:
    table = Table(
        title=f"{seen.tasks} tasks, {seen.samples} samples each, {seen.tokens_mean:.0f} tokens a task"
    )
    table.add_column("choice")
    table.add_column("right", justify="right")
    table.add_column("efficiency", justify="right")
    table.add_row("greedy", f"{seen.greedy:.1%}", "")
    for name, rate in seen.selectors.items():
        share = seen.efficiency(name)
        table.add_row(name, f"{rate:.1%}", "" if share is None else f"{share:.2f}")
    table.add_row("oracle", f"{seen.oracle:.1%}", "")
    Console().print(table)


def main(
    samples_folder: Annotated[Path, typer.Option("--log", help="folder of the log that jobs.draw wrote")],
    benchmark: Annotated[str, typer.Option(help="humaneval, or a JSONL file")] = "humaneval",
    samples: Annotated[int, typer.Option(min=1, help="samples a task; tasks with fewer are left out")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="print the rates as JSON")] = False,
) -> None:
    """Judge logged samples once, then replay every selector on them."""
    with explained():
        path = samples_folder / "samples.jsonl"
        if not path.is_file():
            raise InputError(
                f"{path} is no file", field="log", hint="draw samples first: python -m jobs.draw"
            )
        lines = path.read_bytes().splitlines()
        log = [SampleRow.model_validate_json(line) for line in lines if line.endswith(b"}")]
        tasks = {task.id: task for task in load_tasks(benchmark)}
        with open_ledger(samples_folder / "judged.jsonl", JudgedRow) as ledger:
            judged = asyncio.run(replay(tasks, log, ledger, samples))
        if not judged:
            raise InputError(f"no task has {samples} samples yet", field="samples")
        seen = rates(judged, samples)
        if as_json:
            typer.echo(seen.model_dump_json(indent=2))
        else:
            print_rates(seen)


if __name__ == "__main__":
    typer.run(main)
