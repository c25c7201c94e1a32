"""How long after a limit nothing of the run is alive: ``python tests/hostile/measure_limits.py [RUNS]``.

The clock starts when the host decides (wall, output, CPU) or when the kernel's counter moves (memory,
processes; polled every half millisecond), and stops when the zygote has told that it reaped the last process.
Also: every memory bomb must be MEMORY_LIMIT, and a flood of stdout must leave the host's memory flat.
Nothing is asserted but verdicts; the times are for people.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from qlayer.sandbox import capabilities
from qlayer.sandbox.base import Limits, MiB, ProgramJob
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.sandbox.warm import run as warm_run
from qlayer.sandbox.warm.zygote import Zygote
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome


class Scenario(NamedTuple):
    limit: str
    source: str
    limits: Limits
    expected: Outcome
    counter: str = ""
    """The kernel's counter that starts the clock: controller, file, field. Empty: the host's decision."""


SPINNERS = (
    "import os\nfor _ in range(4):\n    if os.fork() == 0:\n        while True: pass\nwhile True: pass\n"
)
SCENARIOS = (
    Scenario("wall", "import time\ntime.sleep(60)\n", Limits(wall_s=0.15), Outcome.WALL_LIMIT),
    Scenario("CPU, 5 processes", SPINNERS, Limits(cpu_s=0.15), Outcome.CPU_LIMIT),
    Scenario("output", "while True: print('y' * 4000)\n", Limits(output_bytes=1 << 18), Outcome.OUTPUT_LIMIT),
    Scenario(
        "memory",
        "kept = []\nwhile True: kept.append(bytearray(b'x' * (1 << 20)))\n",
        Limits(memory_bytes=64 * MiB),
        Outcome.MEMORY_LIMIT,
        "memory oom_control|memory.events oom_kill",
    ),
    Scenario(
        "processes",
        "import os, time\nfor _ in range(99):\n    if os.fork() == 0: time.sleep(60)\n",
        Limits(processes=16, wall_s=5),
        Outcome.PROCESS_LIMIT,
        "pids pids.events max",
    ),
)


class Clock:
    """When a limit was hit, and when the zygote's word came that nothing is left."""

    def __init__(self) -> None:
        self.hit_s: float | None = None
        self.over_s = 0.0

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        end, packet = warm_run._Run._end, Zygote.next_packet

        def noted_end(run: warm_run._Run, stop: object) -> None:
            self.hit_s = self.hit_s or time.monotonic()
            end(run, stop)  # type: ignore[arg-type]

        async def noted_packet(zygote: Zygote, timeout_s: float) -> bytes:
            found = await packet(zygote, timeout_s)
            self.over_s = time.monotonic()
            return found

        warm_run._Run._end, Zygote.next_packet = noted_end, noted_packet  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            warm_run._Run._end, Zygote.next_packet = end, packet  # type: ignore[method-assign]


def counter_file(scenario: Scenario) -> Path | None:
    if not scenario.counter:
        return None
    name = scenario.counter.split()[0]
    controller = next((each for each in capabilities.probe().controllers if each.name == name), None)
    if controller is None:
        return None
    (group,) = controller.parent.glob(f"qlayer-{os.getpid()}-*")
    names = {"memory": ("memory.oom_control", "memory.events"), "pids": ("pids.events",)}[name]
    return next(group / file for file in names if (group / file).exists())


def watch(path: Path, clock: Clock, stop: threading.Event) -> None:
    before = path.read_text()
    while not stop.wait(0.0005):
        with contextlib.suppress(OSError):
            if path.read_text() != before and "under_oom 1" not in path.read_text():
                clock.hit_s = time.monotonic()
                return


async def once(
    sandbox: WarmSandbox, scenario: Scenario, path: Path | None
) -> tuple[float | None, Outcome, bool]:
    """Milliseconds from the limit to the end, the outcome, and whether output was kept."""
    clock, stop = Clock(), threading.Event()
    watcher = None
    if path is not None:
        watcher = threading.Thread(target=watch, args=(path, clock, stop))
        watcher.start()
    source = "print('kept', flush=True)\n" + scenario.source
    job = ProgramJob(tree=SourceTree().with_files({"main.py": source}), path="main.py")
    with clock.in_place():
        result = await sandbox.run(job, scenario.limits)
    stop.set()
    if watcher is not None:
        watcher.join()
    took_ms = None if clock.hit_s is None else max(0.0, (clock.over_s - clock.hit_s) * 1000)
    return took_ms, result.verdict.outcome, result.stdout.startswith(b"kept")


def own_rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def flood_growth_bytes(sandbox: WarmSandbox) -> int:
    """How much this process grows in twenty floods, after five that warm it up."""
    job = ProgramJob(
        tree=SourceTree().with_files({"main.py": "import os\nwhile True: os.write(1, b'y\\n' * 32768)\n"}),
        path="main.py",
    )
    before = 0
    for number in range(25):
        if number == 5:
            before = own_rss_bytes()
        await sandbox.run(job, Limits(output_bytes=MiB, wall_s=2))
    return own_rss_bytes() - before


async def main(runs: int) -> int:
    table = Table("limit", "runs", "verdict as expected", "output kept", "p50 ms", "p99 ms", "max ms")
    wrong = 0
    async with WarmSandbox(WarmConfig(workers=1)) as sandbox:
        for scenario in SCENARIOS:
            path = counter_file(scenario)
            found = [await once(sandbox, scenario, path) for _ in range(runs)]
            times = sorted(took for took, _, _ in found if took is not None)
            outcomes = Counter(outcome for _, outcome, _ in found)
            right = outcomes[scenario.expected]
            wrong += runs - right
            cuts = (
                statistics.quantiles(times, n=100, method="inclusive")
                if len(times) > 1
                else [float("nan")] * 99
            )
            table.add_row(
                scenario.limit,
                str(runs),
                f"{right} of {runs}",
                f"{sum(kept for *_, kept in found)} of {runs}",
                *(f"{value:.1f}" for value in (cuts[49], cuts[98], times[-1] if times else float("nan"))),
            )
        growth = await flood_growth_bytes(sandbox)
    console = Console()
    console.print(table)
    console.print(f"20 floods of stdout: this process grew by {growth / MiB:.1f} MiB")
    console.print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)))
