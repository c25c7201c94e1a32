"""The executors under contract, and a worker that does as its payload says and keeps a log of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from qlayer.executor.base import Executor, Item, WorkerDied
from qlayer.types.ids import digest_of


class Order(NamedTuple):
    """What the worker is to do."""

    name: str
    sleep_s: float = 0.0
    does: str = "return"
    """return, die, raise; `die once` and `raise WorkerDied once`: the first time only."""


@dataclass(frozen=True)
class LoggingWorkers:
    """Every start and every cancellation of an order is one line of `log`."""

    log: Path
    killable: bool
    """True in an actor: dying is SIGKILL. In the test's own process it is `WorkerDied`."""

    def __call__(self) -> AbstractAsyncContextManager[Callable[[Order], Awaitable[str]]]:
        return self._opened()

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Callable[[Order], Awaitable[str]]]:
        yield self._work

    async def _work(self, order: Order) -> str:
        self._write(f"start {order.name}")
        first = self._lines().count(f"start {order.name}") == 1
        try:
            await asyncio.sleep(order.sleep_s)
        except asyncio.CancelledError:
            self._write(f"cancelled {order.name}")
            raise
        match order.does:
            case "die":
                self._die()
            case "die once" if first:
                self._die()
            case "disturbed once" if first:
                raise WorkerDied("the zygote is gone")
            case "raise":
                raise ValueError("a defect")
        return f"{order.name} done"

    def _die(self) -> None:
        if self.killable:
            os.kill(os.getpid(), signal.SIGKILL)
        raise WorkerDied("killed")

    def _write(self, line: str) -> None:
        fd = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(fd, line.encode() + b"\n")
        os.close(fd)

    def _lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def count(self, line: str) -> int:
        return self._lines().count(line)


def item(order: Order, tenant: str = "one") -> Item[Order]:
    return Item(digest_of(list(order)), tenant, order)


async def given(*items: Item[Order]) -> AsyncIterator[Item[Order]]:
    for one in items:
        yield one


OrderExecutor = Executor[Order, str]
