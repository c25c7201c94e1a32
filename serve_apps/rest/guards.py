"""What a request must pass before it reaches a route: the right host, a body of bounded size."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qlayer.types.source import MAX_FILE_BYTES
from qlayer.types.spec import MAX_SPEC_BYTES
from serve_apps.rest.problems import FieldProblem, problem, respond

MAX_BODY_BYTES = 3 * MAX_SPEC_BYTES + 4096
"""A text of 64 KiB whose every character is escaped as ``\\uXXXX`` (six bytes for two), and its envelope."""


_FILE_ROUTES = re.compile(r"/files\Z|/sessions/[^/]+/files/|/validate\Z|/scan\Z")
"""Their bodies are files, or hold some."""


def most_bytes(path: str) -> int:
    """How large a body may be."""
    return MAX_FILE_BYTES if _FILE_ROUTES.search(path) else MAX_BODY_BYTES


class BodyLimit:
    """Refuses bodies over `most_bytes` with 413, by their announced size or by counting.

    FastAPI's own limit answers some of them in plain text; every error of ours is a problem.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        most = most_bytes(scope["path"])
        too_large = announced.isdigit() and int(announced) > most
        body = None if too_large else await _read(receive, most)
        if body is None:
            await _refusal(scope["path"], most)(scope, receive, send)
        else:
            await self._app(scope, _given(body, receive), send)


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


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body, or None as soon as it is too large. A client that went away has sent all it will."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _given(body: bytes, receive: Receive) -> Receive:
    """A channel that gives the body that was read, then whatever comes."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay


def _refusal(path: str, most: int) -> JSONResponse:
    text = f"; a text holds at most {MAX_SPEC_BYTES}" if most == MAX_BODY_BYTES else ""
    message = f"the body is larger than {most} bytes{text}"
    error = FieldProblem(field="body", message=message, limit=f"at most {most:,} bytes")
    refusal = problem(413, message, name="too-large", errors=(error,))
    return respond(refusal, path, {"Connection": "close"})
