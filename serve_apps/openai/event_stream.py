"""Server-sent events as a response that leaves the request's channel alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class EventStream(Response):
    """One ``data:`` line for each event, as it comes; `events` is closed however it ends.

    Starlette's own streaming response reads the request's channel to see the client leave; behind Ray Serve
    that message comes once, and the exchange behind `events` already waits for it.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[str, None]) -> None:
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for event in self._events:
                line = f"data: {event}\n\n".encode()
                await send({"type": "http.response.body", "body": line, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:  # what an ASGI server raises when the client is gone
            return
        finally:
            await self._events.aclose()
