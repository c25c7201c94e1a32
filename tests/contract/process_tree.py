"""The processes below a process, their cgroups, and whether they are gone: read from /proc."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import NamedTuple

PATIENCE_S = 60.0
shared: set[int] = set()
"""Pids of servers that are kept for all tests: nobody's to count or to kill."""


class Process(NamedTuple):
    """A process that cannot be mistaken for a later one of the same number."""

    pid: int
    started: str
    """Start time in clock ticks since boot."""

    @property
    def alive(self) -> bool:
        """Exists and is no zombie."""
        fields = _stat(self.pid)
        return fields is not None and fields[19] == self.started and fields[0] not in "ZX"


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name: state, parent, ..., start time (index 19)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def descendants(root: int | None = None) -> frozenset[Process]:
    """All living processes below `root` (default: this process), in every pid namespace.

    Those in `shared` are left out, with all below them.
    """
    children: dict[int, list[Process]] = {}
    for name in os.listdir("/proc"):
        fields = _stat(int(name)) if name.isdigit() else None
        if fields is not None and fields[0] not in "ZX":
            children.setdefault(int(fields[1]), []).append(Process(int(name), fields[19]))
    found: list[Process] = []
    queue = [os.getpid() if root is None else root]
    while queue:
        below = [process for process in children.get(queue.pop(), []) if process.pid not in shared]
        found += below
        queue += [process.pid for process in below]
    return frozenset(found)


def cgroups(processes: frozenset[Process]) -> frozenset[Path]:
    """The cgroup folders these processes are in, without those that this process is in itself."""
    return frozenset().union(*(_cgroups(process.pid) for process in processes)) - _cgroups(os.getpid())


def _cgroups(pid: int) -> frozenset[Path]:
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return frozenset()
    found = set()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for mount in (controllers.removeprefix("name="), "unified", ""):
            folder = Path("/sys/fs/cgroup") / mount / path.lstrip("/")
            if folder.is_dir() and (folder / "cgroup.procs").exists():
                found.add(folder)
                break
    return frozenset(found)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def all_gone(processes: frozenset[Process]) -> bool:
    """Wait until none of them lives; False when one still does after `PATIENCE_S`."""
    deadline = time.monotonic() + PATIENCE_S
    while any(process.alive for process in processes):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


async def appeared(known: frozenset[Process], count: int = 1) -> frozenset[Process]:
    """Wait for at least `count` processes below this one that are not `known`; AssertionError without."""
    deadline = time.monotonic() + PATIENCE_S
    while len(new := descendants() - known) < count:
        assert time.monotonic() < deadline, f"expected {count} new processes, saw {new}"
        await asyncio.sleep(0.05)
    return new
