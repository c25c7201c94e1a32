"""Zygotes that wait for work: the last one to wait works next, and those above the first end when unused."""

from __future__ import annotations

import asyncio

from qlayer.sandbox.warm.plan import Kind
from qlayer.sandbox.warm.zygote import Zygote


class IdleZygotes:
    """Belongs to one event loop. With `idle_s` None every zygote waits for ever."""

    def __init__(self, idle_s: float | None) -> None:
        self._idle_s = idle_s
        self._waiting: list[tuple[Zygote, float]] = []
        """With the loop's time at which each began to wait, in that order."""
        self._timer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, zygote: Zygote) -> None:
        loop = asyncio.get_running_loop()
        self._waiting.append((zygote, loop.time()))
        if self._idle_s is not None and self._timer is None and len(self._waiting) > 1:
            self._timer = loop.call_later(self._idle_s, self._shrink)

    async def take(self, kind: Kind) -> Zygote | None:
        """One of the kind that is still alive; the dead that are found on the way are cleared up."""
        for at in reversed(range(len(self._waiting))):
            zygote = self._waiting[at][0]
            if zygote.spec.kind is kind:
                del self._waiting[at]
                if zygote.alive:
                    return zygote
                await zygote.close()
                return await self.take(kind)
        return None

    async def close(self) -> None:
        """End them all."""
        if self._timer is not None:
            self._timer.cancel()
        zygotes = [zygote for zygote, _ in self._waiting]
        self._waiting.clear()
        await asyncio.gather(*(zygote.close() for zygote in zygotes), *self._closing)

    def _shrink(self) -> None:
        self._timer = None
        assert self._idle_s is not None
        loop = asyncio.get_running_loop()
        first = next((z for z, _ in self._waiting if z.spec.kind is Kind.BARE), None)
        due = loop.time() - self._idle_s
        for zygote, since in [pair for pair in self._waiting if pair[0] is not first and pair[1] <= due]:
            self._waiting.remove((zygote, since))
            task = loop.create_task(zygote.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        left = [since for zygote, since in self._waiting if zygote is not first]
        if left:
            self._timer = loop.call_at(min(left) + self._idle_s, self._shrink)
