"""Carries runs out in this process, with the same pipeline that a server uses."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from qlayer.app.build import Platform, open_platform
from qlayer.app.settings import Settings
from qlayer.cli.question import Reply
from qlayer.events.base import LiveText
from qlayer.types.ids import CapsuleId, RunId
from qlayer.types.run import RunEvent, RunRequest


class LocalRuns:
    """Runs on an open platform, under the name of this process."""

    interrupted_hint = "`qlayer runs resume {run_id}` goes on from its last finished step"

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._owner = f"cli-{socket.gethostname()}-{os.getpid()}"

    async def submit(self, request: RunRequest, key: str) -> RunId:
        run_id, _ = await self._platform.pipeline.submit(request, idempotency_key=key)
        return run_id

    async def carry(self, run_id: RunId) -> AsyncGenerator[RunEvent | LiveText, None]:
        """Work on the run and yield its events from the first, until it has finished.

        Closing stops the work; the run keeps its finished steps. Raises what `Pipeline.execute` does.
        """
        working = asyncio.create_task(self._platform.pipeline.execute(run_id, owner=self._owner))
        events = self._platform.feed.follow(run_id)
        following = asyncio.ensure_future(anext(events, None))
        try:
            while True:
                await asyncio.wait({following, working}, return_when=asyncio.FIRST_COMPLETED)
                if working.done():
                    working.result()
                event = await following
                if event is None:
                    return
                following = asyncio.ensure_future(anext(events, None))
                yield event
        finally:
            await _ended(following)
            await _ended(working)

    async def answer(self, run_id: RunId, reply: Reply) -> None:
        await self._platform.pipeline.answer(
            run_id, reply.expected, raises=reply.raises, who=getpass.getuser()
        )

    async def interrupt(self, run_id: RunId) -> None:
        """Nothing more to stop: closing `carry` ended the work."""

    async def export(self, capsule: CapsuleId, destination: Path) -> Path:
        sidecars = await self._platform.attestations.sidecars(capsule)
        return (await self._platform.capsules.export(capsule, destination, sidecars=sidecars)).path


@asynccontextmanager
async def local_runs(settings: Settings) -> AsyncIterator[LocalRuns]:
    """Open everything that a run needs. Raises what `open_platform` does."""
    async with open_platform(settings) as platform:
        yield LocalRuns(platform)


async def _ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
