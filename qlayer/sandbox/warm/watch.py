"""Looks at a run from outside while it lasts: CPU time that all its processes share, and idleness.

It also keeps its own pulse. A host that does not get to look in time is too busy, or was stopped, and then a
wall limit says nothing about the program (see `disturbance`).
"""

from __future__ import annotations

from typing import NamedTuple

from qlayer.sandbox.base import Limits
from qlayer.sandbox.warm.observation import Stop, overhead_s

TICK_S = 0.05
_PUNCTUAL_S = 0.1
"""A look that comes later than this after its time counts as late."""
_PROGRESS_CPU_S = 0.02
"""Less CPU time than this in all of `idle_s` is no progress: a loop that only sleeps uses some."""


class Glance(NamedTuple):
    """What is seen at one moment."""

    now_s: float
    output_bytes: int
    cpu_s: float | None
    """Of the whole run; None: nobody counts it."""


class Watch:
    """Decides; who measures and who ends the run is the caller. A clock of any kind will do."""

    def __init__(self, limits: Limits, start: Glance) -> None:
        self._limits = limits
        self._start = self._mark = self._last = start
        self.late_s = 0.0
        """Time in which nobody looked though somebody should have."""

    def look(self, seen: Glance) -> Stop | None:
        """To be called every `TICK_S`. The limit that is exceeded, if one is."""
        gap_s = seen.now_s - self._last.now_s - TICK_S
        if gap_s > _PUNCTUAL_S:
            self.late_s += gap_s
        self._last = seen
        if self._cpu_used_up(seen):
            return Stop.CPU
        return Stop.IDLE if self._idle(seen, gap_s) else None

    def _cpu_used_up(self, seen: Glance) -> bool:
        if seen.cpu_s is None or self._start.cpu_s is None:
            return False
        used_s = seen.cpu_s - self._start.cpu_s
        # Never before the limit: what the zygote itself used is taken off.
        return used_s - overhead_s(used_s) >= self._limits.cpu_s

    def _idle(self, seen: Glance, gap_s: float) -> bool:
        if self._limits.idle_s is None or seen.cpu_s is None or self._mark.cpu_s is None:
            return False
        progressed = (
            seen.output_bytes != self._mark.output_bytes or seen.cpu_s - self._mark.cpu_s >= _PROGRESS_CPU_S
        )
        # Time in which the host itself did not run is nobody's idleness.
        if progressed or gap_s > _PUNCTUAL_S:
            self._mark = seen
            return False
        return seen.now_s - self._mark.now_s >= self._limits.idle_s
