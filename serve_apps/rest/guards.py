"""What a request must pass before it reaches a route."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from qlayer.types.spec import MAX_SPEC_BYTES
from serve_apps.rest.problems import problem, respond

MAX_BODY_BYTES = 3 * MAX_SPEC_BYTES + 4096
"""A text of 64 KiB whose every character is escaped as ``\\uXXXX`` (six bytes for two), and its envelope."""


class HostGuard:
    """Refuses a Host header that is not ours with 421.

    A web page whose name was pointed at this address (DNS rebinding) could otherwise read a local server that
    has no authentication.
    """

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "")
            name, _, port = host.rpartition(":")
            if (name if port.isdigit() else host) not in self._allowed:
                refusal = problem(421, f"this server does not answer for the host {host!r}", name="host")
                await respond(refusal, scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)
