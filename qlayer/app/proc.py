"""Which processes are ours: read from ``/proc``, safe against reused process ids.

Standard library only, because the supervisor process (`qlayer.app.supervisor`) lives as long as the stack and
must stay small. A process is named by its id *and* its start time; the kernel never gives both twice.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class Process(NamedTuple):
    """One process as the kernel shows it now."""

    pid: int
    started: int
    """Clock ticks since boot (field 22 of ``/proc/PID/stat``)."""
    parent: int
    session: int
    zombie: bool


def read_process(pid: int) -> Process | None:
    """The process with this id, or None when there is none."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name may hold spaces and brackets
    return Process(pid, int(fields[19]), int(fields[1]), int(fields[3]), fields[0] in "ZX")


def boot_id() -> str:
    """Changes with every boot of the machine, and process ids and start times begin anew with it."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def all_processes() -> list[Process]:
    found = (read_process(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdigit())
    return [process for process in found if process is not None]


def alive(pid: int, started: int) -> bool:
    """True while exactly this process runs; a zombie or another process of the same id does not count."""
    process = read_process(pid)
    return process is not None and process.started == started and not process.zombie


def descendants(root: int) -> list[Process]:
    """Children of `root`, their children and so on, without `root` and without zombies."""
    children: dict[int, list[Process]] = {}
    for process in all_processes():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    queue = [root]
    while queue:
        below = children.get(queue.pop(), [])
        found.extend(below)
        queue.extend(process.pid for process in below)
    return [process for process in found if not process.zombie]


def marked(variable: str) -> list[Process]:
    """Processes that inherited this ``NAME=value``, whoever their parent is now."""
    return [process for process in all_processes() if not process.zombie and _has(process.pid, variable)]


def _has(pid: int, variable: str) -> bool:
    try:
        return variable.encode() in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:  # it has just ended, or belongs to another user
        return False


def send(processes: Iterable[Process], signum: signal.Signals) -> None:
    """Signal each process that still is the one that was seen."""
    for process in processes:
        if alive(process.pid, process.started):
            try:
                os.kill(process.pid, signum)
            except ProcessLookupError:
                continue
