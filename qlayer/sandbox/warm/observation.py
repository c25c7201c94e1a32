"""Everything that is known about one run before it is judged. Plain facts, no opinion."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from qlayer.sandbox.base import Limits
from qlayer.sandbox.cgroup import Counters
from qlayer.sandbox.files.collect import Collected
from qlayer.sandbox.warm.disturbance import Conditions
from qlayer.sandbox.zygote.protocol import Ending


class Stop(StrEnum):
    """Why the host ended a run."""

    WALL = "wall"
    OUTPUT = "output"
    REPORT = "report"
    """The private channel carried more than any driver sends."""
    CPU = "cpu"
    """All its processes together, by the cgroup's counter."""
    IDLE = "idle"
    MEMORY = "memory"
    """The kernel has killed one of its processes for memory."""
    PROCESSES = "processes"
    """The kernel has refused it a process."""
    CANCEL = "cancel"
    """The caller asked for it."""


class Forged(ValueError):
    """A line on the private channel that the driver did not write."""


_PARSE = json.JSONDecoder().raw_decode
_OWN_CPU_S = 0.02
_OWN_CPU_SHARE = 0.01


def overhead_s(cpu_s: float) -> float:
    """What the zygote itself may have used of its group's CPU time: no program is charged with it."""
    return _OWN_CPU_S + _OWN_CPU_SHARE * cpu_s


class Observation(NamedTuple):
    limits: Limits
    ending: Ending | None
    """None: the zygote died."""
    stop: Stop | None
    counters: Counters
    """Of this run only."""
    wall_s: float
    stdout: bytes
    stderr: bytes
    output_bytes: int
    """Drained, kept or not."""
    report: bytes
    tester_report: bytes
    check_nonce: bool = True
    memory_counted: bool = True
    """False without a memory cgroup."""
    collected: Collected = Collected()
    """Of the files that the job asked for."""
    conditions: Conditions | None = None
    """How the host treated the run; taken when it hit its wall or idle limit, before it was killed."""

    @property
    def cpu_s(self) -> float:
        """CPU time of the run. Processes that nobody reaps are known to the cgroup alone."""
        reaped = self.ending.cpu_us / 1e6 if self.ending is not None else 0.0
        counted = self.counters.cpu_us / 1e6
        return counted if self.ending is None or counted - overhead_s(counted) > reaped else reaped

    @property
    def signal_name(self) -> str | None:
        """The signal that ended the main process, unless it was the host's own order."""
        if self.ending is None or self.ending.killed or self.ending.status < 0:
            return None
        number = self.ending.status & 0x7F
        return signal.Signals(number).name if number else None

    @property
    def exit_status(self) -> int | None:
        """None when a signal ended it."""
        if self.ending is None or self.ending.status < 0 or self.ending.status & 0x7F:
            return None
        return self.ending.status >> 8

    def lines(self, data: bytes, nonce: str) -> Iterator[dict[str, Any]]:
        """The reports in order; an unfinished last line is left out. Raises `Forged`."""
        *whole, _ = data.split(b"\n")
        for line in whole:
            try:
                message, end = _PARSE(line.decode("ascii"))
            except (ValueError, RecursionError):
                raise Forged("a line that is not JSON") from None
            if end != len(line) or not isinstance(message, dict) or not isinstance(message.get("kind"), str):
                raise Forged("a line that is no report")
            if self.check_nonce and message.get("nonce") != nonce:
                # Before the job is read the nonce is not known; only a failed set-up reports that early.
                if message["kind"] == "setup" and message.get("nonce") == "":
                    yield message
                    continue
                raise Forged("a report without the run's nonce")
            yield message
