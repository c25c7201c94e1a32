"""Was it the program that was slow, or the host? Asked when a run has hit its wall limit, before its end.

The kernel says of every thread how long it stood ready and was not let onto a CPU (the second number of
/proc/PID/schedstat). A program that sleeps never waits for a CPU, however busy the host is; one that is kept
off the CPU by others waits long and uses little. Only the latter, a stopped zygote, and a host process that
was itself late make a wall limit meaningless.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_WAITED_SHARE = 0.3
"""A thread that was ready but not running for this share of the wall time was held up."""
_GOT_SHARE = 0.75
"""A run that nevertheless got this share of one CPU or more competed with itself."""
_STOPPED = ("T", "t")


class Process(NamedTuple):
    pid: int
    parent: int
    state: str
    cpu_s: float
    """Its own and that of children it has reaped, to the kernel's tick."""


class Conditions(NamedTuple):
    """How the host treated a run."""

    waited_s: float = 0.0
    """Ready for a CPU and without one: the thread that waited longest."""
    cpu_s: float = 0.0
    """Used by all processes of the run."""
    zygote_stopped: bool = False
    late_s: float = 0.0
    """The host process itself was not awake when it should have been."""
    cpu_pressure: float | None = None
    """The kernel's ``some avg10`` of /proc/pressure/cpu, 0 to 1; None where it keeps none."""


def why_spoilt(conditions: Conditions | None, wall_s: float) -> str | None:
    """One sentence when the host, not the program, used up `wall_s`; else None."""
    if conditions is None:
        return None
    if conditions.zygote_stopped:
        return "the sandbox's own process was stopped from outside"
    if conditions.late_s >= _WAITED_SHARE * wall_s:
        return f"the host was not awake for {conditions.late_s:.1f} of {wall_s:.1f} s"
    held_up = conditions.waited_s >= _WAITED_SHARE * wall_s
    if held_up and conditions.cpu_s < _GOT_SHARE * wall_s:
        return (
            f"the host let it wait {conditions.waited_s:.1f} of {wall_s:.1f} s for a CPU; "
            f"it got {conditions.cpu_s:.1f} s"
        )
    return None


def conditions_of(keeper: int, *, late_s: float = 0.0, proc: Path = _PROC) -> Conditions:
    """Of the run below this keeper (its child is the zygote), as far as it is alive."""
    zygote, run = run_below(keeper, proc)
    return Conditions(
        waited_s=max((_waited_s(process.pid, proc) for process in run), default=0.0),
        cpu_s=_cpu_s(run),
        zygote_stopped=zygote is not None and zygote.state in _STOPPED,
        late_s=late_s,
        cpu_pressure=_cpu_pressure(proc),
    )


def cpu_below(keeper: int, proc: Path = _PROC) -> float:
    """CPU seconds of the run's living processes and what those have reaped. For tiers without a cgroup."""
    return _cpu_s(run_below(keeper, proc)[1])


def run_below(keeper: int, proc: Path = _PROC) -> tuple[Process | None, list[Process]]:
    """The zygote and all processes below it."""
    everyone = list(_processes(proc))
    zygote = next((each for each in everyone if each.parent == keeper), None)
    if zygote is None:
        return None, []
    found: list[Process] = []
    parents = {zygote.pid}
    while parents:
        children = [each for each in everyone if each.parent in parents]
        found += children
        parents = {child.pid for child in children}
    return zygote, found


def _cpu_s(processes: Iterable[Process]) -> float:
    return sum(process.cpu_s for process in processes)


def _processes(proc: Path) -> Iterable[Process]:
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in brackets may hold anything, brackets too.
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            ticks = sum(int(fields[at]) for at in (11, 12, 13, 14))
            yield Process(int(folder.name), int(fields[1]), fields[0], ticks / _TICKS_PER_S)


def _waited_s(pid: int, proc: Path) -> float:
    longest = 0.0
    with contextlib.suppress(OSError, ValueError, IndexError):
        for thread in (proc / str(pid) / "task").iterdir():
            text = (thread / "schedstat").read_text()
            longest = max(longest, int(text.split()[1]) / 1e9)
    return longest


def _cpu_pressure(proc: Path) -> float | None:
    try:
        first = (proc / "pressure" / "cpu").read_text().split()
        return float(first[1].removeprefix("avg10=")) / 100
    except (OSError, ValueError, IndexError):
        return None
