"""The memory and pids groups of a container, limited per run and read after it as the warm sandbox does.

Unlike a zygote of ours, process 1 of a container is in its group from its first byte: what it holds while
nothing runs is measured before each run and does not count against the program.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from qlayer.sandbox import cgroup
from qlayer.sandbox.cgroup import Controller, Counters, Group

_CONTROLLERS = ("memory", "pids", "cpuacct")
_FILE_CACHE = {1: ("total_active_file", "total_inactive_file"), 2: ("active_file", "inactive_file")}
_USAGE = {1: "memory.usage_in_bytes", 2: "memory.current"}


class MemoryGroup(Group):
    """A memory group whose standing occupants are not the program's."""

    def __init__(self, controller: Controller, name: str) -> None:
        super().__init__(controller, name)
        self._standing_bytes = 0

    def limit(self, value: int) -> None:
        """Bytes for the run alone. Raises OSError."""
        self._standing_bytes = self._standing()
        super().limit(value + self._standing_bytes)

    def counters(self) -> Counters:
        found = super().counters()
        return found._replace(peak_bytes=max(0, found.peak_bytes - self._standing_bytes))

    def _standing(self) -> int:
        """What is in use now, less the files that the kernel drops when memory is short."""
        version = self.controller.version
        cached = sum(self._field("memory.stat", name) for name in _FILE_CACHE[version])
        return max(0, self._number(_USAGE[version]) - cached)


class EnclosingMemoryGroup(MemoryGroup):
    """Around a kernel in user space: the CPU time of kernel and program together decides nothing."""

    @property
    def counts_cpu(self) -> bool:
        return False


class SampledTasks(Group):
    """Tasks above the limit, as process 1 of the container saw them. `add` is told after each run."""

    def __init__(self) -> None:
        super().__init__(Controller("tasks", 0, Path("/nonexistent")), "none")
        self._seen = 0

    def add(self, above: int) -> None:
        self._seen += above

    def create(self) -> None:
        """There is nothing to make."""

    def limit(self, value: int) -> None:
        """It is in the order that starts a run."""

    def counters(self) -> Counters:
        return Counters(forks_refused=self._seen)


def of_process(pid: int) -> dict[str, Group]:
    """The groups that a process is in, by controller (see `Controller.name`), as far as we see them."""
    return {name: group for name in _CONTROLLERS if (group := _of_process(pid, name)) is not None}


def _of_process(pid: int, name: str) -> Group | None:
    own: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            own |= dict.fromkeys(controllers.split(","), path)
    for version, mount in cgroup.mounts(name):
        path = own.get(name if version == 1 else "", "/")
        if path == "/":
            continue
        place = mount / path.lstrip("/")
        controller = Controller(name, version, place.parent)
        group = (MemoryGroup if name == "memory" else Group)(controller, place.name)
        if _holds(place, pid):
            return group
    return None


def _holds(place: Path, pid: int) -> bool:
    """Whether this is the process's group as seen from here, and not another one of that path."""
    try:
        return str(pid) in (place / "cgroup.procs").read_text().split()
    except OSError:
        return False
