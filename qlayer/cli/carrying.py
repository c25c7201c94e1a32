"""Where a run is carried out: by the server of this machine or of an address, or in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol

from qlayer.app.settings import Settings
from qlayer.app.stack import stack_status
from qlayer.cli.live import View
from qlayer.cli.local import local_runs
from qlayer.cli.progress import RunProgress, RunResult
from qlayer.cli.question import Reply
from qlayer.cli.remote import remote_runs
from qlayer.errors import ConflictError, QlayerError, RunCancelled
from qlayer.events.base import LiveText
from qlayer.types.choice import Asked
from qlayer.types.ids import CapsuleId, RunId
from qlayer.types.run import RunEvent, RunRequest


class Runs(Protocol):
    """Takes requests and carries runs to their end."""

    interrupted_hint: str
    """What a person who pressed Ctrl-C may do next; ``{run_id}`` is filled in."""

    async def submit(self, request: RunRequest, key: str) -> RunId:
        """Record the request; it is durable when this returns. The same key twice is one run."""
        ...

    def carry(self, run_id: RunId) -> AsyncGenerator[RunEvent | LiveText, None]:
        """See the run to its end, yielding its events from the first."""
        ...

    async def answer(self, run_id: RunId, reply: Reply) -> None:
        """Answer the question that the run waits with. Raises `ConflictError` when it waits no more."""
        ...

    async def interrupt(self, run_id: RunId) -> None:
        """The person who asked pressed Ctrl-C."""
        ...

    async def export(self, capsule: CapsuleId, destination: Path) -> Path:
        """Write the capsule's project to a new folder, whole or not at all."""
        ...


def server_url(settings: Settings, *, api: str | None, local: bool) -> str | None:
    """The server to use: the one named, else this machine's stack if it is up; None: this process."""
    if local:
        return None
    if api is not None:
        return api
    status = stack_status(settings)
    return status.stack.url if status.stack is not None and status.health in ("up", "degraded") else None


@asynccontextmanager
async def open_runs(settings: Settings, url: str | None, view: View) -> AsyncIterator[Runs]:
    """Runs of the server at `url`, or of this process when it is None."""
    if url is None:
        async with local_runs(settings) as here:
            yield here
    else:
        async with remote_runs(url, note=view.note) as there:
            yield there


async def carry_out(runs: Runs, run_id: RunId, view: View) -> RunResult:
    """Carry a run to its end in view. Ctrl-C stops it and raises `RunCancelled` that says how to go on."""
    hint = runs.interrupted_hint.format(run_id=run_id)
    try:
        async with aclosing(runs.carry(run_id)) as events:
            return await watch(events, view, lambda reply: runs.answer(run_id, reply))
    except asyncio.CancelledError:
        await runs.interrupt(run_id)
        raise RunCancelled(f"{run_id} was interrupted", hint=hint) from None
    except QlayerError as error:
        if error.retryable:
            error.hint = "; ".join(filter(None, (error.hint, hint)))
        raise


async def watch(
    events: AsyncIterator[RunEvent | LiveText],
    view: View,
    answer: Callable[[Reply], Awaitable[None]] | None = None,
) -> RunResult:
    """Show a run's events until it has finished, and `answer` what it asks. Raises what `events` does."""
    progress = RunProgress()
    async for event in events:
        progress.show(event)
        view.show(event)
        if answer is not None and isinstance(event, RunEvent) and isinstance(event.body, Asked):
            with suppress(ConflictError):  # answered before, or no more awaited
                await answer(await view.ask(event.body))
    assert progress.result is not None, "a feed ends with Finished"
    return progress.result
