"""Looks at a run from outside while it lasts: CPU time that all its processes share, and idleness.

It also keeps its own pulse. A host that does not get to look in time is too busy, or was stopped, and then a
wall limit says nothing about the program (see `disturbance`).
"""

from __future__ import annotations

from typing import NamedTuple

from qlayer.sandbox.base import Limits
from qlayer.sandbox.warm.observation import Stop, overhead_s

TICK_S = 0.05
"""At most this long until the next look."""
_EVENTS_TICK_S = 0.02
"""The same where a limit's counter has to be looked at: not every kernel tells of refused forks by itself."""
_SHORTEST_S = 0.001
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

    def __init__(self, limits: Limits, start: Glance, *, events: bool = False, cpus: int = 1) -> None:
        """`events`: counters are looked at too. `cpus`: how many of them the run can use at once."""
        self._limits = limits
        self._tick_s = _EVENTS_TICK_S if events else TICK_S
        self._cpus = max(1, min(cpus, limits.processes + 1))
        self._start = self._mark = self._last = start
        self.late_s = 0.0
        """Time in which nobody looked though somebody should have."""

    def pause_s(self) -> float:
        """Until the next look: at the earliest moment at which the CPU time can be used up, but soon."""
        if self._last.cpu_s is None or self._start.cpu_s is None:
            return self._tick_s
        left_s = self._limits.cpu_s - self._charged_s(self._last.cpu_s - self._start.cpu_s)
        return min(self._tick_s, max(_SHORTEST_S, left_s / self._cpus))

    def look(self, seen: Glance) -> Stop | None:
        """To be called every `pause_s`. The limit that is exceeded, if one is."""
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
        return self._charged_s(seen.cpu_s - self._start.cpu_s) >= self._limits.cpu_s

    @staticmethod
    def _charged_s(used_s: float) -> float:
        # Never before the limit: what the zygote itself used is taken off.
        return used_s - overhead_s(used_s)

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
