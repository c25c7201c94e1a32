"""What each part of the loop is worth: arms that lack one, all from the same log of answers.

No model is asked. Every arm replays the log through the whole product under a policy of its own; where an arm
would ask for what was never drawn, its task is incomplete. Arms are compared only on the runs that are
complete in all of them, and the report says how many that leaves.

``python -m jobs.ablation --benchmark humaneval --model qwen2.5-coder-1.5b --log FOLDER``
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from jobs.benchmarks import Task
from jobs.ending import explained
from jobs.evaluate import chosen_tasks, show
from jobs.function_suite import run_functions
from jobs.ledger import Ledger, open_ledger
from jobs.numbers import FiveNumbers, five_numbers
from jobs.paired import changed, mcnemar
from jobs.plan import Setup, open_for
from jobs.report_table import FIVE, five_cells
from jobs.results import TaskResult
from qlayer.app.build import Platform
from qlayer.app.settings import Settings, load_settings
from qlayer.cli.render import table
from qlayer.errors import InputError
from qlayer.pipeline.pipeline import ModelChoice
from qlayer.types.frozen import Frozen
from qlayer.types.ids import ModelId
from qlayer.types.usage import Budget

FULL = "full"
NO_MENDING: Mapping[str, Any] = {"repair_rounds": 0, "other_words": False}
ARMS: Mapping[str, Mapping[str, Any]] = {
    FULL: {},
    "greedy only": {"waves": (), **NO_MENDING},
    "no confirmation": {"confirm": 1},
    "no repair": NO_MENDING,
    "no soft asserts": {"soft_asserts": False},
    "no autofix": {"autofix": False},
    "first selector": {"selector": "first"},
    "random selector, no repair": {"selector": "random", **NO_MENDING},
}
"""Fields of the policy that differ. A blind choice is not repaired: what it would repair was never drawn."""


class ArmReport(Frozen):
    """One arm, on the runs that all arms completed."""

    arm: str
    numbers: FiveNumbers
    gained: tuple[str, ...]
    """Tasks that it got right more often than the full loop."""
    lost: tuple[str, ...]
    p_value: float
    """Of no difference from the full loop: McNemar's exact test over tasks."""
    signed_wrong: float
    """Runs that the platform's decision allows and that are wrong, of all runs compared."""
    incomplete: int
    """Of all runs, those that this arm could not finish from the log."""


class Ablation(Frozen):
    """All arms side by side."""

    benchmark: str
    model: ModelId
    runs: int
    """Tasks times seeds that were asked for."""
    compared: int
    """Of these, those that every arm completed."""
    arms: tuple[ArmReport, ...]


def with_policy(platform: Platform, fields: Mapping[str, Any]) -> Platform:
    """The same platform, whose pipeline's policy has these fields."""
    describe = platform.pipeline.describe

    async def changed_choice(model: ModelId) -> ModelChoice:
        choice = await describe(model)
        return dataclasses.replace(choice, policy=choice.policy.model_copy(update=dict(fields)))

    pipeline = dataclasses.replace(platform.pipeline, describe=changed_choice)
    return dataclasses.replace(platform, pipeline=pipeline)


async def run_arms(
    platform: Platform,
    setup: Setup,
    benchmark: str,
    tasks: Sequence[Task],
    ledger: Ledger[TaskResult],
    *,
    quiet: bool,
) -> Ablation:
    """Every arm over an open platform. Raises `InputError` when no run is complete in all arms."""
    rows: dict[str, Sequence[TaskResult]] = {}
    for arm, fields in ARMS.items():
        own = with_policy(platform, fields)
        rows[arm] = (await run_functions(own, setup, benchmark, tasks, ledger, quiet=quiet)).rows
    return compare(benchmark, platform.settings.model, rows, runs=len(tasks) * len(setup.seeds))


def compare(
    benchmark: str, model: ModelId, rows: Mapping[str, Sequence[TaskResult]], *, runs: int
) -> Ablation:
    """Arm against full loop on what all completed. Pure. Raises `InputError` when that is nothing."""
    by_arm = {arm: {(row.task, row.seed): row for row in found} for arm, found in rows.items()}
    common = sorted(set.intersection(*(set(found) for found in by_arm.values())))
    if not common:
        raise InputError("no run is complete in all arms", field="log", hint="evaluate with this log first")
    whole = {arm: [found[run] for run in common] for arm, found in by_arm.items()}
    return Ablation(
        benchmark=benchmark,
        model=model,
        runs=runs,
        compared=len(common),
        arms=tuple(_arm(arm, whole[arm], whole[FULL], incomplete=runs - len(by_arm[arm])) for arm in by_arm),
    )


def _arm(arm: str, rows: Sequence[TaskResult], full: Sequence[TaskResult], *, incomplete: int) -> ArmReport:
    pairs = zip(full, rows, strict=True)
    gained, lost = changed((ours.task, ours.right, theirs.right) for ours, theirs in pairs)
    return ArmReport(
        arm=arm,
        numbers=five_numbers(rows),
        gained=gained,
        lost=lost,
        p_value=mcnemar(len(gained), len(lost)),
        signed_wrong=sum(row.allowed and not row.right for row in rows) / len(rows),
        incomplete=incomplete,
    )


def ablation_table(seen: Ablation) -> Table:
    """For people."""
    return table(
        *("arm", *FIVE, "gained / lost", "p", "signed but wrong", "incomplete"),
        rows=[
            (
                arm.arm,
                *five_cells(arm.numbers),
                f"{len(arm.gained)} / {len(arm.lost)}",
                f"{arm.p_value:.3g}",
                f"{arm.signed_wrong:.1%}",
                str(arm.incomplete),
            )
            for arm in seen.arms
        ],
        title=f"{seen.benchmark} with {seen.model}: {seen.compared} of {seen.runs} runs, those that every "
        "arm completed",
    )


async def ablate(
    settings: Settings, setup: Setup, benchmark: str, tasks: Sequence[Task], *, quiet: bool
) -> Ablation:
    """Do what the ledger ``ablation.jsonl`` in the folder lacks, and compare."""
    async with open_for(settings, setup) as platform:
        with open_ledger(setup.out / "ablation.jsonl", TaskResult) as ledger:
            return await run_arms(platform, setup, benchmark, tasks, ledger, quiet=quiet)


def main(
    log: Annotated[Path, typer.Option(help="folder of the answers that an evaluation logged")],
    benchmark: Annotated[str, typer.Option(help="humaneval, or a JSONL file")] = "humaneval",
    model: Annotated[
        str | None, typer.Option(help="id of the catalogue; default: the configured one")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder of the ledger; the same one resumes")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="how many tasks")] = None,
    first: Annotated[int, typer.Option(min=0, help="index of the first task")] = 0,
    random: Annotated[int | None, typer.Option(min=1, help="a fixed random subset of so many tasks")] = None,
    seed: Annotated[list[int] | None, typer.Option(min=0, help="of every run; may be repeated")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="tasks at once")] = 2,
    budget_tokens: Annotated[int, typer.Option(min=1, help="generated tokens a task")] = 6_000,
    budget_seconds: Annotated[float, typer.Option(min=1, help="seconds a task")] = 3_600.0,
    json_output: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
) -> None:
    """The loop without each of its parts, from one log; asks no model, resumable."""
    with explained():
        settings = load_settings(model=model, budget=Budget(tokens=budget_tokens, seconds=budget_seconds))
        tasks = chosen_tasks(benchmark, random, first, limit)
        name = f"{Path(benchmark).stem}-{settings.model}-ablation"
        setup = Setup(
            out=(out or settings.data_dir / "evaluations" / name).resolve(),
            seeds=tuple(dict.fromkeys(seed or [0])),
            concurrency=concurrency,
            log=log,
            replay_only=True,
        )
        seen = asyncio.run(ablate(settings, setup, Path(benchmark).name, tasks, quiet=json_output))
        show(seen, [ablation_table(seen)], setup, as_json=json_output)


if __name__ == "__main__":
    typer.run(main)
