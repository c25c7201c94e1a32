"""The host's ends of one session: requests in, answers, stdout and stderr out. All that comes is hostile."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from typing import Any

from qlayer.sandbox.zygote.report import MAX_LINE

_CHUNK = 65_536
_REST_BYTES = 1 << 24


class Broken(Exception):
    """What came cannot be an answer; the message says why."""


class Pipe:
    """The reading end of one pipe, read by the loop."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._fd, self.writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._fd, False)
        self._take = take
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """The other side has its copy of the writing end."""
        os.close(self.writer)
        self.writer = -1
        self._loop.add_reader(self._fd, self.read)

    def read(self) -> bool:
        """Take what is there now, at most one chunk. False: nothing was."""
        try:
            chunk = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            self._loop.remove_reader(self._fd)
            return False
        self._take(chunk)
        return True

    def read_rest(self) -> None:
        for _ in range(_REST_BYTES // _CHUNK):
            if not self.read():
                return

    def close(self) -> None:
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        for fd in (self._fd, self.writer):
            if fd >= 0:
                os.close(fd)
        self._fd = self.writer = -1


class Channel:
    """One request at a time; its answer must carry its number and the session's nonce."""

    def __init__(self, nonce: str) -> None:
        self._nonce = nonce
        self._requests, self.requests_end = socket.socketpair()
        self._requests.setblocking(False)
        self._line = b""
        self._number = 0
        self._answer: asyncio.Future[dict[str, Any]] | None = None
        self.report = Pipe(self._on_report)

    def start(self) -> None:
        self.requests_end.close()
        self.report.start()

    async def ready(self) -> None:
        """The interpreter is there. Raises `Broken`."""
        message = await self._next()
        if message.get("kind") != "ready":
            raise Broken(f"it could not be set up: {str(message.get('error'))[:300]}")

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Raises `Broken`; waits for as long as it takes."""
        self._number += 1
        line = json.dumps({"op": op, "number": self._number, **fields}).encode() + b"\n"
        sent = asyncio.get_running_loop().sock_sendall(self._requests, line)
        waiting = asyncio.ensure_future(self._next())
        try:
            await sent
        except OSError as error:
            waiting.cancel()
            raise Broken(f"its interpreter is gone: {error.strerror}") from None
        message = await waiting
        if message.get("kind") != "answer" or message.get("number") != self._number:
            raise Broken("it gave an answer that nobody asked for")
        return message

    async def _next(self) -> dict[str, Any]:
        self._answer = asyncio.get_running_loop().create_future()
        return await self._answer

    def fail(self, reason: str) -> None:
        """Nothing more will come."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Broken(reason))

    def _on_report(self, chunk: bytes) -> None:
        *lines, self._line = (self._line + chunk).split(b"\n")
        if len(self._line) > MAX_LINE:
            self._line = b""
            self.fail("it flooded its private channel")
        for line in lines:
            if self._answer is None or self._answer.done():
                continue  # nobody asked
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                message = None
            if not isinstance(message, dict) or message.get("nonce") != self._nonce:
                self.fail("something else wrote to its private channel")
            else:
                self._answer.set_result(message)

    def close(self) -> None:
        self.fail("it was closed")
        self._requests.close()
        self.requests_end.close()
        self.report.close()
