"""The queue in front of an engine: so many generations at once, so many waiting, no more.

Engines own one of these each, so that there is one queue and its length is the truth.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from qlayer.errors import LLMUnavailable
from qlayer.llm.base import LLM
from qlayer.types.frozen import Frozen


class Occupancy(Frozen):
    """How busy an engine is, now."""

    slots: int
    """Generations that can run at once."""
    running: int
    """Generations that hold a slot; a cancelled one holds it until the engine has let go."""
    queued: int


class Slots:
    """First come, first served. Belongs to one event loop."""

    def __init__(self, count: int, max_queued: int) -> None:
        self._free = asyncio.Semaphore(count)
        self._count = count
        self._max_queued = max_queued
        self._running = 0
        self._queued = 0

    @property
    def occupancy(self) -> Occupancy:
        return Occupancy(slots=self._count, running=self._running, queued=self._queued)

    async def acquire(self) -> None:
        """Wait for a slot. Raises `LLMUnavailable` at once when the queue is full."""
        if self._free.locked() and self._queued >= self._max_queued:
            raise LLMUnavailable(
                f"the model is overloaded: {self._running} generations run, {self._queued} wait, no more may",
                hint="try again in a moment, or serve more replicas",
            )
        self._queued += 1
        try:
            await self._free.acquire()
        finally:
            self._queued -= 1
        self._running += 1

    def release(self) -> None:
        self._running -= 1
        self._free.release()


class Engine(LLM, Protocol):
    """An `LLM` that runs in this process and knows how busy it is."""

    @property
    def occupancy(self) -> Occupancy: ...

    async def load(self) -> None:
        """Get ready to answer; does nothing the second time."""
        ...
