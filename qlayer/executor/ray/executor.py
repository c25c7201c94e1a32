"""The executor: as many lanes as supervisors, one dispatch between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, MutableMapping
from typing import Generic

import ray

from qlayer.errors import ConfigurationError
from qlayer.executor.base import Answer, ExecutorError, Item, P, R, WorkerBuilder
from qlayer.executor.dispatch import Dispatch
from qlayer.executor.ray.config import RayConfig
from qlayer.executor.ray.lane import Lane
from qlayer.executor.ray.supervisor import SupervisorInfo
from qlayer.types.ids import Digest


class RayExecutor(Generic[P, R]):
    """Works on items in supervisors. Ray must be initialised; it is not ended here."""

    def __init__(self, builder: WorkerBuilder[P, R], config: RayConfig | None = None) -> None:
        self._builder = builder
        self._config = config or RayConfig()
        self._dispatch: Dispatch[P, R] = Dispatch(self._config.lookahead)
        self._lanes: list[Lane[P, R]] = []
        self._serving: list[asyncio.Task[None]] = []

    @property
    def supervisors(self) -> tuple[SupervisorInfo, ...]:
        """Those that are up now."""
        return tuple(lane.info for lane in self._lanes if lane.info is not None)

    async def __aenter__(self) -> RayExecutor[P, R]:
        """Start the supervisors and wait for the first. Raises what its builder raised."""
        if not ray.is_initialized():
            raise ConfigurationError("Ray is not initialised in this process")
        nodes = [n["NodeID"] for n in await asyncio.to_thread(ray.nodes) if n["Alive"]]
        count = self._config.supervisors or len(nodes)
        up = asyncio.Event()
        self._lanes = [
            Lane(self._dispatch, self._builder, self._config, nodes[number % len(nodes)], count, up)
            for number in range(count)
        ]
        self._serving = [asyncio.create_task(lane.serve(), name="supervisor-lane") for lane in self._lanes]
        for task in self._serving:
            task.add_done_callback(self._lane_ended)
        try:
            await self._first(up)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _first(self, up: asyncio.Event) -> None:
        waiting = asyncio.create_task(up.wait())
        try:
            await asyncio.wait(
                (waiting, *self._serving),
                timeout=self._config.start_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            waiting.cancel()
        for task in self._serving:
            if task.done():
                task.result()
        if not up.is_set():
            raise ExecutorError(
                f"no supervisor came up in {self._config.start_timeout_s:.0f} s",
                hint="is there a node with a free CPU? `ray status` tells",
            )

    def _lane_ended(self, lane: asyncio.Task[None]) -> None:
        if all(task.done() for task in self._serving):
            self._dispatch.lane_ended(lane)
        elif not lane.cancelled():
            lane.exception()  # the others go on; asyncio need not complain of it

    async def __aexit__(self, *exc: object) -> None:
        self._dispatch.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def run(
        self, items: AsyncIterator[Item[P]], known: MutableMapping[Digest, R] | None = None
    ) -> AsyncGenerator[Answer[R], None]:
        """See `Executor.run`."""
        return self._dispatch.run(items, known)
