"""A run's events as server-sent events (WHATWG HTML, section 9.2).

Durable events carry ``id:`` with their sequence number, so that a client that reconnects with Last-Event-ID
misses nothing and sees nothing twice. Live text carries none: it is not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from qlayer.errors import QlayerError
from qlayer.events.base import EventFeed, LiveText
from qlayer.types.ids import RunId
from qlayer.types.run import RunEvent
from serve_apps.rest.metrics import ApiMeter
from serve_apps.rest.problems import problem_of

HEARTBEAT = ": still here\n\n"
RETRY = "retry: 2000\n\n"
"""Milliseconds after which a browser reconnects."""


class FrameStream(StreamingResponse):
    """Frames as they come. The generator is closed however the response ends, so that nothing follows on."""

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncGenerator[str, None]) -> None:
        super().__init__(frames, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._frames = frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._frames.aclose()


async def event_frames(
    feed: EventFeed, run_id: RunId, *, after: int, heartbeat_s: float, meter: ApiMeter
) -> AsyncGenerator[str, None]:
    """Frames until the run has finished; a comment after every `heartbeat_s` of silence.

    The response has begun by then: an error goes into the stream, as ``event: problem``.
    """
    queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=1)
    reading = asyncio.create_task(_read(feed, run_id, after, queue))
    meter.follower(+1)
    try:
        yield RETRY
        while True:
            try:
                async with asyncio.timeout(heartbeat_s):
                    frame = await queue.get()
            except TimeoutError:
                if reading.done():  # it broke without a word; a defect rises to the server's log
                    reading.result()
                    return
                frame = HEARTBEAT
            if frame is None:
                return
            yield frame
    finally:
        meter.follower(-1)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


async def _read(feed: EventFeed, run_id: RunId, after: int, queue: asyncio.Queue[str | None]) -> None:
    """Follow the run in a task of its own: a heartbeat must not interrupt a read of the record."""
    try:
        async for event in feed.follow(run_id, after=after):
            await queue.put(frame_of(event))
    except QlayerError as error:
        await queue.put(_frame("problem", problem_of(error).model_dump_json(exclude_none=True)))
    await queue.put(None)


def frame_of(event: RunEvent | LiveText) -> str:
    """One event as a frame; its JSON has no line break, so one ``data:`` line holds it."""
    if isinstance(event, LiveText):
        return _frame(event.kind, event.model_dump_json())
    return f"id: {event.seq}\n" + _frame(event.body.kind, event.model_dump_json())


def _frame(kind: str, data: str) -> str:
    return f"event: {kind}\ndata: {data}\n\n"


def parse_last_event_id(text: str) -> int | None:
    """The number in a Last-Event-ID header; None when it is not one of ours."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
