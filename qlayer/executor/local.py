"""An executor in this process: tasks over one worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, MutableMapping
from contextlib import AsyncExitStack
from typing import Generic

from qlayer.executor.base import (
    Answer,
    ExecutorConfig,
    Item,
    P,
    R,
    Worker,
    WorkerBuilder,
    WorkerDied,
)
from qlayer.executor.dispatch import Dispatch, Ticket
from qlayer.types.ids import Digest


class LocalExecutor(Generic[P, R]):
    """Works on `config.workers` items at once in this event loop."""

    def __init__(self, builder: WorkerBuilder[P, R], config: ExecutorConfig | None = None) -> None:
        self._builder = builder
        self._config = config or ExecutorConfig()
        self._dispatch: Dispatch[P, R] = Dispatch(self._config.lookahead)
        self._open = AsyncExitStack()
        self._lanes: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> LocalExecutor[P, R]:
        worker = await self._open.enter_async_context(self._builder())
        self._lanes = [
            asyncio.create_task(self._lane(worker), name=f"executor-lane-{number}")
            for number in range(self._config.workers)
        ]
        for lane in self._lanes:
            lane.add_done_callback(self._dispatch.lane_ended)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._dispatch.close()
        for lane in self._lanes:
            lane.cancel()
        await asyncio.gather(*self._lanes, return_exceptions=True)
        await self._open.aclose()

    def run(
        self, items: AsyncIterator[Item[P]], known: MutableMapping[Digest, R] | None = None
    ) -> AsyncGenerator[Answer[R], None]:
        """See `Executor.run`."""
        return self._dispatch.run(items, known)

    async def _lane(self, worker: Worker[P, R]) -> None:
        while True:
            ticket = await self._dispatch.queue.get()
            work = asyncio.ensure_future(worker(ticket.item.payload))
            ticket.abandon = work.cancel  # type: ignore[assignment]  # what it returns is of no use
            try:
                await asyncio.wait((work,))
            except asyncio.CancelledError:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                raise
            self._settle(ticket, work)

    def _settle(self, ticket: Ticket[P, R], work: asyncio.Future[R]) -> None:
        ticket.abandon = None
        if work.cancelled():
            return
        error = work.exception()
        if error is None:
            self._dispatch.finish(ticket, work.result())
        elif isinstance(error, WorkerDied):
            self._dispatch.died(ticket, error.message)
        else:
            self._dispatch.broke(ticket, error)
