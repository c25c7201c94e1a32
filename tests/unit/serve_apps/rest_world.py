"""What the tests of the API share: a platform of fakes, and a pipeline that does what it is told."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from qlayer.app.build import Platform
from qlayer.errors import ConflictError
from qlayer.events.outbox import OutboxFeed
from qlayer.packaging.capsule import Capsules
from qlayer.pipeline.asking import answer
from qlayer.pipeline.scanning import Scanning
from qlayer.store.fake import FakeBlobs, FakeRecords
from qlayer.types.choice import Answered
from qlayer.types.ids import ModelId, RunId, new_run_id
from qlayer.types.run import CancelRequested, Finished, RunRecord, RunRequest, RunStatus, Started
from qlayer.types.usage import TokenUsage

LEASE_S = 30.0
FAKE_MODEL = ModelId("qwen2.5-coder-0.5b")


async def at_once(run_id: RunId) -> None:
    """A run that takes no time."""


@dataclass
class ScriptedPipeline:
    """Keeps the record and the lease as the real one does; `work` is what a run does in between."""

    records: FakeRecords
    work: Callable[[RunId], Awaitable[None]] = at_once
    submit_error: Exception | None = None
    executed: list[RunId] = field(default_factory=list)
    scanning: Scanning | None = None

    async def submit(self, request: RunRequest, *, idempotency_key: str | None = None) -> tuple[RunId, bool]:
        if self.submit_error is not None:
            raise self.submit_error
        return await self.records.submit(new_id(), request, idempotency_key)

    async def execute(self, run_id: RunId, *, owner: str) -> RunRecord:
        record = await self.records.run(run_id)
        if record.finished is not None:
            return record
        if not await self.records.claim(run_id, owner, LEASE_S):
            raise ConflictError("somebody else's")
        try:
            self.executed.append(run_id)
            await self.records.append(run_id, Started(owner=owner, resumed=len(record.events) > 1))
            await self.work(run_id)
            await self.records.append(run_id, finished())
        finally:
            await self.records.release(run_id, owner)
        return await self.records.run(run_id)

    async def answer(self, run_id: RunId, expected: str | None, *, raises: bool, who: str) -> Answered:
        return await answer(self.records, run_id, expected, raises=raises, who=who)

    async def cancel(self, run_id: RunId) -> None:
        await self.records.append(run_id, CancelRequested())
        await self.records.append(run_id, finished(RunStatus.CANCELLED))


def new_id() -> RunId:
    return new_run_id(time.time_ns() // 1_000_000, os.urandom(4))


def finished(status: RunStatus = RunStatus.SUCCEEDED) -> Finished:
    return Finished(status=status, reason="it is done", seconds=0.1, usage=TokenUsage())


def request_for(text: str = "def f() -> int") -> RunRequest:
    return RunRequest(text=text, origin="api")


@dataclass
class World:
    """Everything behind one API, open to the tests."""

    records: FakeRecords
    blobs: FakeBlobs
    feed: OutboxFeed
    capsules: Capsules
    pipeline: ScriptedPipeline
    platform: Platform

    async def finished_run(self) -> RunId:
        run_id, _ = await self.records.submit(new_id(), request_for())
        await self.pipeline.execute(run_id, owner="test")
        return run_id

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Platform]:
        async with self.platform.sandbox:
            yield self.platform


Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 30.0) -> None:
    """Wait for a condition; generous, because a busy machine is slow."""
    async with asyncio.timeout(seconds):
        while True:
            met = condition()
            if met if isinstance(met, bool) else await met:
                return
            await asyncio.sleep(0.01)
