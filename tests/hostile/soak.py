"""Runs many programs, one in ten hostile, and looks for anything that is left or drifts.

``python tests/hostile/soak.py --runs 100000 [--workers 2] [--report FILE]``. Interrupt it at any time: it
ends the runs under way and reports on those that were made. With ``--report`` the counts are written as JSON
after every thousand runs, and a later call with the same file goes on where they end. Status 1: something
leaked, drifted, or a verdict flipped.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hostile_corpus import ATTACKS, BENIGN, Program
from hostile_host import Host

from qlayer.sandbox import capabilities
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.sandbox.zygote import syscalls
from qlayer.types.verdict import Outcome

HOSTILE_EVERY = 10
REPORT_EVERY = 1_000
SETTLED_AFTER = 500
"""Runs after which the memory of this process counts as settled."""
TOO_SLOW_S = 0.3
"""A hostile program that waits for its limit longer than this is left out, or the soak would only wait."""
DRIFT_BYTES = 5 * 1024 * 1024
PR_SET_CHILD_SUBREAPER = 36
"""linux/prctl.h"""


class Left:
    """What this process and the kernel hold on behalf of the sandbox; after `stand_alone` nothing else."""

    def __init__(self) -> None:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        self._named: dict[str, frozenset[object]] = {
            # By what they are: a mount of another's, inherited, vanishes with its mount point.
            "mounts": frozenset(mounts if os.geteuid() == 0 else ()),
            "children": frozenset(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()),
            "processes": frozenset(processes()),
            "cgroups": frozenset(
                path
                for controller in capabilities.probe().controllers
                for path in controller.parent.glob(f"qlayer-{os.getpid()}-*")
            ),
            "files": frozenset(Path(tempfile.gettempdir()).iterdir()),
        }
        self._descriptors = len(os.listdir("/proc/self/fd"))

    def more_than(self, before: Left) -> dict[str, int]:
        counts = {name: len(found - before._named[name]) for name, found in self._named.items()}
        counts["descriptors"] = self._descriptors - before._descriptors
        return {name: count for name, count in counts.items() if count > 0}


def stand_alone() -> None:
    """Leave what is shared with others of this host, so that whatever is counted is our own.

    Mounts: a mount namespace, into which nothing comes from outside; without root nobody could mount here.
    Processes: those that lose their parent become ours, where `processes` finds them, and not the host's.
    """
    syscalls.prctl(PR_SET_CHILD_SUBREAPER, 1)
    if os.geteuid() == 0:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)


def processes() -> list[int]:
    """All processes below this one."""
    found, waiting = [], [os.getpid()]
    while waiting:
        pid = waiting.pop()
        with contextlib.suppress(OSError):
            below = [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            found += below
            waiting += below
    return found


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def quick(sandbox: WarmSandbox, programs: tuple[Program, ...], host: Host) -> list[Program]:
    """Those that end soon, each tried once; it also warms everything up."""
    kept = []
    for program in programs:
        if program.needs or "stdin-bytes" in program.header or program.runs > 1:
            continue
        started = time.monotonic()
        await sandbox.run(program.job(host.places), program.limits)
        if time.monotonic() - started < TOO_SLOW_S:
            kept.append(program)
    return kept


class Soak:
    """The counts, and the loop that makes them."""

    def __init__(self, sandbox: WarmSandbox, host: Host, report: Path | None) -> None:
        self.sandbox, self.host, self.report = sandbox, host, report
        self.done = 0
        self.hostile = 0
        self.outcomes: Counter[str] = Counter()
        self.flips: list[str] = []
        self.settled_rss = self.last_rss = 0
        self.made_here = 0
        self.stop = False
        self.leaked: dict[str, int] = {}
        self._earlier_drift: int | None = None
        if report is not None and report.exists():
            kept = json.loads(report.read_text())
            self.done, self.hostile, self.flips = kept["runs"], kept["hostile"], kept["flips"]
            self.outcomes.update(kept["outcomes"])
            self.leaked, self._earlier_drift = kept["leaked"], kept["rss_drift_bytes"]
        self.started = self.done

    async def work(self, runs: int, attacks: list[Program], benign: list[Program]) -> None:
        while self.started < runs and not self.stop:
            number = self.started
            self.started += 1
            hostile = number % HOSTILE_EVERY == 0
            among = attacks if hostile else benign
            program = among[(number // HOSTILE_EVERY if hostile else number) % len(among)]
            result = await self.sandbox.run(program.job(self.host.places), program.limits)
            outcome = result.verdict.outcome
            self.done += 1
            self.hostile += hostile
            self.outcomes[outcome.value] += 1
            if outcome not in program.expected and outcome is not Outcome.NO_VERDICT:
                self.flips.append(f"{program.name}: {outcome.value}: {result.verdict.cause[:200]}")
            self._note()

    def _note(self) -> None:
        self.made_here += 1
        self.last_rss = rss_bytes()
        if self.made_here == SETTLED_AFTER:
            self.settled_rss = self.last_rss
        if self.made_here % REPORT_EVERY == 0:
            print(f"{self.done} runs, {len(self.flips)} flips, {self.last_rss >> 20} MiB", flush=True)
            self.write()

    @property
    def drift_bytes(self) -> int | None:
        """The most of any process that took part; None: none has made enough runs to settle."""
        own = self.last_rss - self.settled_rss if self.settled_rss else None
        return max((each for each in (own, self._earlier_drift) if each is not None), default=None)

    def write(self) -> dict[str, object]:
        """The counts of all processes that took part so far."""
        summary = {
            "runs": self.done,
            "hostile": self.hostile,
            "flips": self.flips,
            "outcomes": dict(sorted(self.outcomes.items())),
            "rss_drift_bytes": self.drift_bytes,
            "leaked": self.leaked,
        }
        if self.report is not None:
            # In one step: whoever goes on later must never read half a report.
            fresh = self.report.with_suffix(".new")
            fresh.write_text(json.dumps(summary, indent=1))
            fresh.replace(self.report)
        return summary


async def main(runs: int, workers: int, report: Path | None) -> int:
    capabilities.probe()
    before = Left()
    with Host() as host:
        async with WarmSandbox(WarmConfig(workers=workers)) as sandbox:
            attacks = await quick(sandbox, ATTACKS, host)
            # Cheap programs: the point is their number.
            benign = [each for each in await quick(sandbox, BENIGN, host) if each.mode != "pytest"]
            soak = Soak(sandbox, host, report)
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, setattr, soak, "stop", True)
            print(f"{len(attacks)} attacks, {len(benign)} benign programs take turns", flush=True)
            started = time.monotonic()
            await asyncio.gather(*(soak.work(runs, attacks, benign) for _ in range(workers)))
            seconds = time.monotonic() - started
    for name, count in Left().more_than(before).items():
        soak.leaked[name] = soak.leaked.get(name, 0) + count
    summary = soak.write()
    print(json.dumps(summary, indent=1))
    print(f"{soak.made_here / seconds:.0f} runs a second, {seconds:.0f} s, load {os.getloadavg()[0]:.1f}")
    return 1 if soak.leaked or soak.flips or (soak.drift_bytes or 0) > DRIFT_BYTES else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qlayer-soak-") as folder:
        # Its own, so that whatever lies there at the end was left by the sandbox.
        tempfile.tempdir = folder
        stand_alone()
        status = asyncio.run(main(given.runs, given.workers, given.report))
    sys.exit(status)
