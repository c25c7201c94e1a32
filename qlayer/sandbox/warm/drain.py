"""Reads what a run writes, always at once, so that it never blocks and the host's memory stays flat."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable

_CHUNK = 65_536
_CAPACITY = 1 << 20
"""What Linux lets anybody have."""


class Budget:
    """Bytes that several pipes may bring together. Calls `exceeded` once when there are more."""

    def __init__(self, limit_bytes: int, exceeded: Callable[[], None]) -> None:
        self.limit_bytes = limit_bytes
        self.drained_bytes = 0
        self._exceeded = exceeded

    @property
    def over(self) -> bool:
        return self.drained_bytes > self.limit_bytes

    def take(self, size: int) -> int:
        """Count bytes; how many of them may be kept."""
        kept = max(0, min(size, self.limit_bytes - self.drained_bytes))
        was_over = self.over
        self.drained_bytes += size
        if self.over and not was_over:
            self._exceeded()
        return kept


class Drain:
    """The reading end of one pipe, non-blocking."""

    def __init__(self, budget: Budget, *, watched: bool = True) -> None:
        """`watched`: read whenever there is something; else only now and then, and the pipe holds more."""
        self.fd, self.write_fd = os.pipe2(os.O_CLOEXEC)
        # Only our end: a program that finds its stdout non-blocking would lose output.
        os.set_blocking(self.fd, False)
        if not watched:
            with contextlib.suppress(OSError):
                fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, _CAPACITY)
        self.ended = False
        self._budget = budget
        self._kept: list[bytes] = []

    @property
    def data(self) -> bytes:
        return b"".join(self._kept)

    def read(self) -> bool:
        """Take one chunk. False at the end (then `ended`), or when there is nothing now."""
        try:
            chunk = os.read(self.fd, _CHUNK)
        except BlockingIOError:
            return False
        kept = self._budget.take(len(chunk))
        if kept:
            self._kept.append(chunk[:kept])
        self.ended = not chunk
        return not self.ended

    def read_rest(self, most_bytes: int = 1 << 24) -> None:
        """What is still in the pipe when no writer is left. Bounded, should one be left after all."""
        for _ in range(most_bytes // _CHUNK):
            if not self.read():
                return

    def release_writer(self) -> None:
        """Close our copy of the writing end, so that the end of the run is the end of the pipe."""
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1

    def close(self) -> None:
        self.release_writer()
        os.close(self.fd)
        # A run and its budgets know each other: what was kept must not wait for the cycle collector.
        self._kept.clear()
