"""One cgroup per zygote, version 1 or 2: sets limits before a run and reads the kernel's counters after it.

Groups are made below the process's own, so that limits from above hold too. They are removed by the keeper,
which outlives the host process.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_MOUNTS = Path("/proc/self/mountinfo")
_OWN = Path("/proc/self/cgroup")
_PAGE = 4096


class Counters(NamedTuple):
    """Events since the group was made, and the peak since the last `Group.limit`."""

    oom_kills: int = 0
    """By whatever ran out of memory: this group, one above it, or the host."""
    forks_refused: int = 0
    peak_bytes: int = 0
    limit_hits: int | None = None
    """How often an allocation failed because this group itself was full; None: not known."""
    cpu_us: int = 0
    """Of all its processes together, the zygote included."""

    def since(self, before: Counters) -> Counters:
        """What was added to the events; the peak as it is. A group that is gone counts nothing."""
        return Counters(
            oom_kills=max(0, self.oom_kills - before.oom_kills),
            forks_refused=max(0, self.forks_refused - before.forks_refused),
            peak_bytes=self.peak_bytes,
            limit_hits=None
            if self.limit_hits is None
            else max(0, self.limit_hits - (before.limit_hits or 0)),
            cpu_us=max(0, self.cpu_us - before.cpu_us),
        )

    @staticmethod
    def together(found: Iterable[Counters]) -> Counters:
        """What several groups of the same processes have counted, each its own part."""
        every = list(found)
        hits = [each.limit_hits for each in every if each.limit_hits is not None]
        return Counters(
            oom_kills=max((each.oom_kills for each in every), default=0),
            forks_refused=max((each.forks_refused for each in every), default=0),
            peak_bytes=max((each.peak_bytes for each in every), default=0),
            limit_hits=max(hits, default=None),
            cpu_us=max((each.cpu_us for each in every), default=0),
        )


class Controller(NamedTuple):
    """Where groups of one controller can be made."""

    name: str
    """memory, pids or (version 1; in version 2 every group counts CPU time) cpuacct."""
    version: int
    parent: Path


class Group:
    """A zygote's own group for one controller."""

    def __init__(self, controller: Controller, name: str) -> None:
        self.controller = controller
        self.path = controller.parent / name
        self._files: dict[str, int] = {}
        """Open descriptors of what is read or written for every run."""
        self._limit = -1

    def create(self) -> None:
        """Raises OSError."""
        self.path.mkdir(exist_ok=True)
        if self.controller.version == 2 and not (self.path / f"{self.controller.name}.max").exists():
            # The parent must hand the controller down first; it refuses while processes live in it.
            try:
                (self.controller.parent / "cgroup.subtree_control").write_text(f"+{self.controller.name}")
            except OSError:
                self.path.rmdir()
                raise

    def remove(self) -> None:
        while self._files:
            os.close(self._files.popitem()[1])
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def limit(self, value: int) -> None:
        """Bytes of memory, or processes; of CPU time there is only a count. Raises OSError."""
        if self.controller.name == "cpuacct":
            return
        if value != self._limit:
            self._set(value)
            self._limit = value
        if self.controller.name == "memory":
            peak = (
                ("memory.max_usage_in_bytes", "0")
                if self.controller.version == 1
                else ("memory.peak", "reset")
            )
            with contextlib.suppress(OSError):
                self._write(*peak)

    def _set(self, value: int) -> None:
        if self.controller.name == "pids":
            (self.path / "pids.max").write_text(str(value))
        elif self.controller.version == 1:
            self._limit_memory_v1(value)
        else:
            (self.path / "memory.max").write_text(str(value))
            self._write_if_present("memory.swap.max", "0")

    def _limit_memory_v1(self, value: int) -> None:
        # With swap accounting the sum may never be below the plain limit: the order depends on the old value.
        plain, both = self.path / "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
        if value > int(plain.read_text()):
            self._write_if_present(both, str(value))
            plain.write_text(str(value))
        else:
            plain.write_text(str(value))
            self._write_if_present(both, str(value))

    def _write_if_present(self, name: str, text: str) -> None:
        file = self.path / name
        with contextlib.suppress(OSError):
            if file.exists():
                file.write_text(text)

    def counters(self) -> Counters:
        """Zeros when the group is gone."""
        if self.controller.name == "pids":
            return Counters(forks_refused=self.events())
        if self.controller.name == "cpuacct":
            return Counters(cpu_us=self.cpu_us())
        if self.controller.version == 1:
            kills = self.events()
            return Counters(
                oom_kills=kills,
                peak_bytes=self._number("memory.max_usage_in_bytes"),
                limit_hits=self._failures_v1() if kills else None,
            )
        return Counters(
            oom_kills=self.events(),
            peak_bytes=self._number("memory.peak"),
            limit_hits=self._field("memory.events", "oom"),
            cpu_us=self.cpu_us(),
        )

    def events(self) -> int:
        """The counter that decides a limit by itself: kills for memory, refused forks for processes."""
        if self.controller.name == "pids":
            return self._field("pids.events", "max")
        if self.controller.name == "memory":
            file = "memory.oom_control" if self.controller.version == 1 else "memory.events"
            return self._field(file, "oom_kill")
        return 0

    def _failures_v1(self) -> int | None:
        """Only read when something was killed, for it costs as much as all else."""
        if not (self.path / "memory.failcnt").exists():
            return None
        return self._number("memory.failcnt") + self._number("memory.memsw.failcnt")

    @property
    def counts_cpu(self) -> bool:
        return self.controller.name == "cpuacct" or (
            self.controller.version == 2 and self.controller.name == "memory"
        )

    def cpu_us(self) -> int:
        """CPU time that its processes have used since it was made; 0 for a group that does not count it."""
        if self.controller.name == "cpuacct":
            return self._number("cpuacct.usage") // 1000
        return self._field("cpu.stat", "usage_usec") if self.counts_cpu else 0

    def _field(self, file: str, name: str) -> int:
        with contextlib.suppress(OSError):
            for line in self._read(file).splitlines():
                key, _, value = line.partition(" ")
                if key == name:
                    return int(value)
        return 0

    def _number(self, file: str) -> int:
        with contextlib.suppress(OSError):
            return int(self._read(file))
        return 0

    def _read(self, file: str) -> str:
        fd = self._files.get(file)
        if fd is None:
            fd = self._files[file] = os.open(self.path / file, os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(fd, _PAGE, 0).decode()

    def _write(self, file: str, text: str) -> None:
        fd = self._files.get(file)
        if fd is None:
            # Version 2 remembers by descriptor since when the peak is asked for: one for both.
            fd = self._files[file] = os.open(self.path / file, os.O_RDWR | os.O_CLOEXEC)
        os.pwrite(fd, text.encode(), 0)


def sweep(controller: Controller) -> None:
    """Remove groups whose host process is gone, left behind if a keeper was killed. Busy ones stay."""
    for path in controller.parent.glob("qlayer-[0-9]*"):
        owner = path.name.split("-")[1]
        if not Path("/proc", owner).exists():
            Group(controller, path.name).remove()


def find(name: str) -> Iterator[Controller]:
    """Places where a group for ``memory``, ``pids`` or ``cpuacct`` may be tried, best first."""
    own = dict(_own_paths())
    for version, mount in mounts(name):
        path = own.get(name if version == 1 else "")
        if path is None:
            continue
        parent = mount / path.lstrip("/")
        if not parent.is_dir():
            parent = mount
        if version == 1 or name in _words(parent / "cgroup.controllers"):
            yield Controller(name, version, parent)
        # Version 2 lets only groups without processes have children: a sibling may work.
        if version == 2 and parent != mount and name in _words(parent.parent / "cgroup.controllers"):
            yield Controller(name, version, parent.parent)


def _own_paths() -> Iterator[tuple[str, str]]:
    for line in _lines(_OWN):
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def mounts(name: str) -> Iterator[tuple[int, Path]]:
    """Version and mount point of every mounted hierarchy that may have the controller."""
    for line in _lines(_MOUNTS):
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        mount = Path(left.split(" ")[4])
        if kind == "cgroup" and name in options.split(","):
            yield 1, mount
        elif kind == "cgroup2":
            yield 2, mount


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()
