"""Wakes the host when a cgroup's event counter moves, so that a limit is noticed when it is hit.

Registered once per zygote, never per run. What the kernel does not notify of (version 1 counts refused forks
silently since Linux 6.11) is found at the next tick of the run's watch.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Iterable

from qlayer.sandbox.cgroup import Group

_V2 = {"memory": "memory.events", "pids": "pids.events"}


class Alarm:
    """One descriptor, `fd`, that becomes readable when something may have happened in one of the groups.

    It may ring for nothing, and before the counter has moved: who hears it looks at the counters.
    """

    def __init__(self, groups: Iterable[Group]) -> None:
        self._epoll = select.epoll()
        self._fds: list[int] = []
        for group in groups:
            # A kernel that cannot notify leaves the tick.
            with contextlib.suppress(OSError):
                self._watch(group)
        self.clear()

    @property
    def fd(self) -> int:
        return self._epoll.fileno()

    def _watch(self, group: Group) -> None:
        if group.controller.name == "memory" and group.controller.version == 1:
            self._watch_memory_v1(group)
        elif group.controller.name in _V2:
            fd = self._opened(os.open(group.path / _V2[group.controller.name], os.O_RDONLY | os.O_CLOEXEC))
            # Such a file is always readable; news come with EPOLLPRI, once for every event.
            self._epoll.register(fd, select.EPOLLPRI | select.EPOLLET)

    def _watch_memory_v1(self, group: Group) -> None:
        event = self._opened(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))
        counter = os.open(group.path / "memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
        try:
            (group.path / "cgroup.event_control").write_text(f"{event} {counter}")
        finally:
            os.close(counter)
        self._epoll.register(event, select.EPOLLIN | select.EPOLLET)

    def _opened(self, fd: int) -> int:
        self._fds.append(fd)
        return fd

    def clear(self) -> None:
        """Be silent until the next event."""
        self._epoll.poll(0)

    def close(self) -> None:
        """May be called again."""
        self._epoll.close()
        while self._fds:
            os.close(self._fds.pop())
