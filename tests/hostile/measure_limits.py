"""How long after a limit nothing of the run is alive: ``python tests/hostile/measure_limits.py [RUNS]``.

The clock starts when the limit is hit, whoever has noticed: for wall at the deadline, for output when the
host has drained too much, for all else when the kernel's counter passes the limit (read every half
millisecond; for CPU with nothing taken off for the zygote, which shares the counter). It stops when the
zygote has told that it reaped the last process. Also: every memory bomb must be
MEMORY_LIMIT, and floods of stdout must neither block the program nor make this process grow. Nothing is
asserted but verdicts; the times are for people.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from qlayer.sandbox import capabilities
from qlayer.sandbox.base import Limits, MiB, ProgramJob
from qlayer.sandbox.cgroup import Group
from qlayer.sandbox.config import Control, WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.sandbox.warm import run as warm_run
from qlayer.sandbox.warm.zygote import Zygote
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

FLOOD_S = 10


class Scenario(NamedTuple):
    limit: str
    source: str
    limits: Limits
    expected: Outcome
    controller: str = ""
    """Whose counter starts the clock. Empty: the host's own clock or count."""


SPIN = "while True: pass\n"
BOMB = "kept = []\nwhile True: kept.append(bytearray(b'x' * (1 << 20)))\n"
SCENARIOS = (
    Scenario("wall", "import time\ntime.sleep(60)\n", Limits(wall_s=0.15), Outcome.WALL_LIMIT),
    Scenario("CPU, 1 process", SPIN, Limits(cpu_s=0.15), Outcome.CPU_LIMIT, "cpuacct"),
    Scenario(
        "CPU, 5 processes",
        f"import os\nfor _ in range(4):\n    if os.fork() == 0: break\n{SPIN}",
        Limits(cpu_s=0.15),
        Outcome.CPU_LIMIT,
        "cpuacct",
    ),
    Scenario("output", "while True: print('y' * 4000)\n", Limits(output_bytes=1 << 18), Outcome.OUTPUT_LIMIT),
    Scenario("memory", BOMB, Limits(memory_bytes=64 * MiB), Outcome.MEMORY_LIMIT, "memory"),
    Scenario(
        "memory, in a child",
        f"import os, time\nif os.fork(): time.sleep(60)\n{BOMB}",
        Limits(memory_bytes=64 * MiB),
        Outcome.MEMORY_LIMIT,
        "memory",
    ),
    Scenario(
        "processes",
        "import os, time\nfor _ in range(99):\n    if os.fork() == 0: time.sleep(60)\n",
        Limits(processes=16, wall_s=5),
        Outcome.PROCESS_LIMIT,
        "pids",
    ),
)
FLOOD = f"""
import json, os, time
chunk, longest, count, last = b'y\\n' * 32768, 0, 0, time.monotonic()
end = last + {FLOOD_S}
while last < end:
    os.write(1, chunk)
    count, now = count + 1, time.monotonic()
    longest, last = max(longest, now - last), now
open('flood.json', 'w').write(json.dumps([count * len(chunk), longest]))
"""


class Clock:
    """When a limit was hit, and when the zygote's word came that nothing is left."""

    def __init__(self, hit: Callable[[], bool] | None) -> None:
        self.hit_s: float | None = None
        self.over_s = 0.0
        self._hit = hit
        self._started_s = 0.0

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        hand_over, end = warm_run._Run._hand_over, warm_run._Run._end
        packet = Zygote.next_packet

        def noted_start(run: warm_run._Run) -> None:
            self._started_s = time.monotonic()
            hand_over(run)

        def noted_end(run: warm_run._Run, stop: warm_run.Stop) -> None:
            if self._hit is None and self.hit_s is None:
                deadline = self._started_s + run._limits.wall_s
                self.hit_s = deadline if stop is warm_run.Stop.WALL else time.monotonic()
            end(run, stop)

        async def noted_packet(zygote: Zygote, timeout_s: float) -> bytes:
            found = await packet(zygote, timeout_s)
            self.over_s = time.monotonic()
            return found

        warm_run._Run._hand_over, warm_run._Run._end = noted_start, noted_end  # type: ignore[method-assign]
        Zygote.next_packet = noted_packet  # type: ignore[method-assign]
        try:
            with self._watched():
                yield
        finally:
            warm_run._Run._hand_over, warm_run._Run._end = hand_over, end  # type: ignore[method-assign]
            Zygote.next_packet = packet  # type: ignore[method-assign]

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        stop = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(stop,))
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()

    def _watch(self, stop: threading.Event) -> None:
        while self._hit is not None and not stop.wait(0.0005):
            if self._hit():
                self.hit_s = time.monotonic()
                return


def hit_by_counter(scenario: Scenario) -> Callable[[], bool] | None:
    """Tells whether the counter has passed the limit of the run that starts now."""
    names = {scenario.controller} | ({"memory"} if scenario.controller == "cpuacct" else set())
    for controller in capabilities.probe().controllers:
        (path,) = controller.parent.glob(f"qlayer-{os.getpid()}-*")
        group = Group(controller, path.name)
        if controller.name not in names or (scenario.controller == "cpuacct" and not group.counts_cpu):
            continue
        if scenario.controller == "cpuacct":
            most_us = group.cpu_us() + scenario.limits.cpu_s * 1e6
            return lambda: group.cpu_us() > most_us
        events = group.events()
        return lambda: group.events() > events
    return None


async def once(sandbox: WarmSandbox, scenario: Scenario) -> tuple[float | None, Outcome, bool]:
    """Milliseconds from the limit to the end, the outcome, and whether output was kept."""
    clock = Clock(hit_by_counter(scenario))
    source = "print('kept', flush=True)\n" + scenario.source
    job = ProgramJob(tree=SourceTree().with_files({"main.py": source}), path="main.py")
    with clock.in_place():
        result = await sandbox.run(job, scenario.limits)
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


async def long_flood() -> str:
    """Ten seconds of `yes` that nobody ends: what the program felt, and how much this process grew."""
    job = ProgramJob(
        tree=SourceTree().with_files({"main.py": FLOOD}), path="main.py", outputs=("flood.json",)
    )
    limits = Limits(output_bytes=MiB, wall_s=6 * FLOOD_S, cpu_s=6 * FLOOD_S)
    off = frozenset({Control.OUTPUT_LIMIT})
    async with WarmSandbox(WarmConfig(workers=1), unsafe_disabled=off) as sandbox:
        before = most = own_rss_bytes()
        run = asyncio.create_task(sandbox.run(job, limits))
        while not run.done():
            await asyncio.wait([run], timeout=0.1)
            most = max(most, own_rss_bytes())
        result = await run
    if not result.files:
        return f"the long flood failed: {result.verdict.cause}"
    written, longest_s = json.loads(result.files[0].data)
    return (
        f"{FLOOD_S} s of stdout with the output limit off: {written / MiB:.0f} MiB written, "
        f"{len(result.stdout)} bytes kept, longest write {longest_s * 1000:.0f} ms, "
        f"this process grew by at most {(most - before) / MiB:.1f} MiB"
    )


def row(scenario: Scenario, found: list[tuple[float | None, Outcome, bool]]) -> tuple[str, ...]:
    """Of the table; the times only of runs in which the clock started."""
    times = sorted(took for took, _, _ in found if took is not None)
    cuts = statistics.quantiles(times, n=100, method="inclusive") if len(times) > 1 else [float("nan")] * 99
    right = Counter(outcome for _, outcome, _ in found)[scenario.expected]
    return (
        scenario.limit,
        f"{len(times)} of {len(found)}",
        f"{right} of {len(found)}",
        f"{sum(kept for *_, kept in found)} of {len(found)}",
        *(f"{value:.1f}" for value in (cuts[49], cuts[98], times[-1] if times else float("nan"))),
    )


async def main(runs: int) -> int:
    table = Table("limit", "runs timed", "verdict as expected", "output kept", "p50 ms", "p99 ms", "max ms")
    wrong = 0
    async with WarmSandbox(WarmConfig(workers=1)) as sandbox:
        for scenario in SCENARIOS:
            found = [await once(sandbox, scenario) for _ in range(runs)]
            wrong += sum(outcome is not scenario.expected for _, outcome, _ in found)
            table.add_row(*row(scenario, found))
        growth = await flood_growth_bytes(sandbox)
    flood = await long_flood()
    console = Console()
    console.print(table)
    console.print(f"20 floods of stdout: this process grew by {growth / MiB:.1f} MiB")
    console.print(flood)
    console.print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)))
