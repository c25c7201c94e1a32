"""Measure a batch of tiny programs over Ray against the same machine without it, interleaved in one run.

Two arms take turns block by block, so that a neighbour's load falls on both: ``local`` is one process with
two workers, ``ray`` two supervisors with one worker each. Compare the ratio, not the seconds.

    python -m jobs.bench_executor --programs 10000 --blocks 10
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Literal

import typer

from qlayer.app.grading import Grader, Task, local_grader, own_ray, ray_grader, result_of
from qlayer.app.settings import Settings, load_settings
from qlayer.errors import QlayerError, SandboxError
from qlayer.executor.base import Item
from qlayer.sandbox.base import Limits, ProgramJob
from qlayer.sandbox.bench.report import BUSY_LOAD_PER_CPU
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

TARGET = 0.85
"""Of the throughput without Ray."""
_WARM_UP = 40
_LIMITS = Limits(wall_s=60, cpu_s=30)


class Block(Frozen):
    arm: Literal["local", "ray"]
    programs: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.programs / self.seconds


class Report(Frozen):
    programs: int
    """Of each arm, all blocks together."""
    supervisors: int
    load_before: float
    """One-minute load average per CPU before the first block: that of others."""
    local_per_second: float
    ray_per_second: float
    ratio: float
    """Median over the blocks of Ray's throughput to the neighbouring local block's."""
    verdict: Literal["measured", "no verdict"]
    reason: str
    blocks: tuple[Block, ...]


def program(number: int) -> Task:
    """A tiny program that differs from every other: none is answered from another's result."""
    source = f"def near(x):\n    return abs(x - {number}) < 1\n\nassert near({number})\nprint({number})\n"
    job = ProgramJob(
        tree=SourceTree().with_files({"main.py": source}),
        path="main.py",
        expected_stdout=f"{number}\n".encode(),
    )
    return Task(job, _LIMITS)


async def run_block(arm: Literal["local", "ray"], grader: Grader, first: int, count: int) -> Block:
    """Judge `count` programs. Raises `SandboxError` when one was lost, doubled or not accepted."""
    tasks = [program(number) for number in range(first, first + count)]
    seen = [0] * count

    async def items() -> AsyncIterator[Item[Task]]:
        for task in tasks:
            yield task.item()

    started = time.perf_counter()
    async with aclosing(grader.run(items())) as answers:
        async for answer in answers:
            seen[answer.position] += 1
            verdict = result_of(answer.result).verdict
            if verdict.outcome is not Outcome.ACCEPTED:
                raise SandboxError(f"a correct program got {verdict.outcome}: {verdict.cause}")
    seconds = time.perf_counter() - started
    if set(seen) != {1}:
        raise SandboxError(f"{seen.count(0)} programs were lost, {sum(n > 1 for n in seen)} doubled")
    return Block(arm=arm, programs=count, seconds=seconds)


async def measure(
    settings: Settings, programs: int, blocks: int, supervisors: int, load_before: float
) -> Report:
    """Take turns. Ray must be initialised."""
    size = programs // blocks
    done: list[Block] = []
    async with (
        local_grader(settings, workers=supervisors) as local,
        ray_grader(settings, workers=1, supervisors=supervisors) as over_ray,
    ):
        arms: tuple[tuple[Literal["local", "ray"], Grader], ...] = (("local", local), ("ray", over_ray))
        for name, grader in arms:
            await run_block(name, grader, -_WARM_UP, _WARM_UP)
        await asyncio.sleep(2)  # the last supervisor may still be coming up
        for number in range(blocks):
            for name, grader in arms if number % 2 == 0 else arms[::-1]:
                done.append(await run_block(name, grader, number * size, size))
                typer.echo(f"block {number}: {name:5} {done[-1].per_second:7.1f} programs/s", err=True)
    return report(done, supervisors, load_before)


def report(blocks: list[Block], supervisors: int, load_before: float) -> Report:
    local = [block.per_second for block in blocks if block.arm == "local"]
    over_ray = [block.per_second for block in blocks if block.arm == "ray"]
    busy = load_before > BUSY_LOAD_PER_CPU
    load = f"load per CPU {load_before:.2f} before the measurement"
    return Report(
        programs=sum(block.programs for block in blocks if block.arm == "ray"),
        supervisors=supervisors,
        load_before=load_before,
        local_per_second=statistics.median(local),
        ray_per_second=statistics.median(over_ray),
        ratio=statistics.median(r / one for r, one in zip(over_ray, local, strict=True)),
        verdict="no verdict" if busy else "measured",
        reason=f"the host was busy: {load}; at most {BUSY_LOAD_PER_CPU}" if busy else load,
        blocks=tuple(blocks),
    )


def main(
    programs: Annotated[int, typer.Option(min=10, help="programs of each arm")] = 10_000,
    blocks: Annotated[int, typer.Option(min=1, help="turns of each arm")] = 10,
    supervisors: Annotated[int, typer.Option(min=1, help="supervisors, and local workers")] = 2,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the report there")] = None,
) -> None:
    """Ray against no Ray, interleaved; lost or doubled programs end it with an error."""
    load_before = os.getloadavg()[0] / (os.cpu_count() or 1)
    try:
        with own_ray(supervisors):
            result = asyncio.run(measure(load_settings(), programs, blocks, supervisors, load_before))
    except QlayerError as error:
        typer.echo(f"error: {error.message}", err=True)
        raise typer.Exit(error.exit_code) from None
    if json_file is not None:
        json_file.write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    typer.echo(f"{result.programs} programs of each arm, {result.supervisors} supervisors, 0 lost, 0 doubled")
    typer.echo(f"local {result.local_per_second:.1f}/s, ray {result.ray_per_second:.1f}/s (medians)")
    typer.echo(f"ratio {result.ratio:.3f} (target {TARGET}); {result.verdict}: {result.reason}")


if __name__ == "__main__":
    typer.run(main)
