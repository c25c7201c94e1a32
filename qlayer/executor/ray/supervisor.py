"""The actor: what runs on a node, around one worker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import ray

from qlayer.executor.base import Worker, WorkerBuilder, WorkerDied


class SupervisorInfo(NamedTuple):
    """Where a supervisor runs."""

    pid: int
    node: str


class Supervisor:
    """The actor: trusted code around one worker. A program never runs in its process.

    It ends with its raylet, and everything below it with it: the sandbox's keepers see to that.
    """

    def __init__(self, builder: WorkerBuilder[Any, Any], workers: int, linger_s: float) -> None:
        self._builder = builder
        self._room = asyncio.Semaphore(workers)
        self._linger_s = linger_s
        self._open = AsyncExitStack()
        self._worker: Worker[Any, Any] | None = None
        self._tasks: dict[int, asyncio.Task[Any]] = {}

    async def open(self) -> SupervisorInfo:
        # Ray lets an actor live on for a while when its raylet was killed. Nobody would own what is below it.
        raylet = os.pidfd_open(os.getppid())
        asyncio.get_running_loop().add_reader(raylet, os._exit, 1)
        self._worker = await self._open.enter_async_context(self._builder())
        return SupervisorInfo(os.getpid(), ray.get_runtime_context().get_node_id())

    async def alive(self) -> None:
        """Returns: it was up when a suspect was sent to it."""

    async def watch(self) -> None:
        """Never returns: its failure is the news that this process is gone."""
        await asyncio.Event().wait()

    async def work(self, items: Sequence[tuple[int, Any]]) -> AsyncIterator[list[tuple[int, Any]]]:
        """Pairs of an item's number and its result, or the exception that it ended with, as they come."""
        numbers: dict[asyncio.Task[Any], int] = {}
        for number, payload in items:
            task = asyncio.create_task(self._one(payload))
            self._tasks[number], numbers[task] = task, number
        try:
            while numbers:
                await asyncio.wait(numbers, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.wait(numbers, timeout=self._linger_s)
                done = [task for task in numbers if task.done()]
                replies = [(numbers.pop(task), _reply(task)) for task in done]
                for number, _ in replies:
                    del self._tasks[number]
                yield replies
        finally:
            for task in numbers:
                task.cancel()

    async def _one(self, payload: Any) -> Any:
        assert self._worker is not None
        async with self._room:
            return await self._worker(payload)

    async def abandon(self, number: int) -> None:
        """Nobody waits for this item any more."""
        if (task := self._tasks.get(number)) is not None:
            task.cancel()

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await self._open.aclose()


def _reply(task: asyncio.Task[Any]) -> Any:
    if task.cancelled():
        return WorkerDied("the item was cancelled")
    return task.exception() or task.result()
