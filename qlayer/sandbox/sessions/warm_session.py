"""One session on the warm sandbox: its requests, its clocks, its end."""

from __future__ import annotations

import asyncio
import base64
import errno
import stat
import time
from collections.abc import AsyncIterator
from typing import Any, Literal, Protocol

from qlayer.errors import ConflictError, InputError, NotFoundError, SessionGone
from qlayer.sandbox.sessions.base import (
    Ended,
    ExecEvent,
    Execution,
    FileEntry,
    PythonSource,
    SessionInfo,
    SessionSpec,
)
from qlayer.sandbox.sessions.channel import Broken
from qlayer.sandbox.sessions.interpreter import Interpreter, Output
from qlayer.sandbox.warm.grade.findings import error_info
from qlayer.sandbox.zygote.drivers.session import PIECE_BYTES
from qlayer.types.check import ErrorInfo
from qlayer.types.source import MAX_FILE_BYTES, check_path
from qlayer.types.verdict import Tier

GRACE_S = 5.0
"""From the interruption of an execution to the end of a session that does not let itself be interrupted."""
_FILE_S = 60.0
_KINDS: dict[int, Literal["file", "folder", "link"]] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
}


class Home(Protocol):
    """What a session needs of its host."""

    async def fork(self, parent: WarmSession) -> WarmSession: ...

    def forget(self, session_id: str, reason: str) -> None: ...


class WarmSession:
    """A `Session`. Made by `WarmSessions`."""

    def __init__(
        self, id: str, spec: SessionSpec, tier: Tier, interpreter: Interpreter, home: Home, parent: str | None
    ) -> None:
        self.id = id
        self.spec = spec
        self._tier = tier
        self._interpreter = interpreter
        self._home = home
        self._parent = parent
        self._created_at = time.time()
        self._loop = asyncio.get_running_loop()
        self._lock = asyncio.Lock()
        self._gone: str | None = None
        self._ending: asyncio.Task[None] | None = None
        self._executing: asyncio.Task[None] | None = None
        self._idle_from = self._loop.time()
        self._idle = self._loop.call_later(spec.limits.idle_s, self._look_idle)
        interpreter.watch(self._end_soon)

    @property
    def info(self) -> SessionInfo:
        limits = self.spec.limits
        idle_left_s = limits.idle_s - (0.0 if self._lock.locked() else self._loop.time() - self._idle_from)
        life_left_s = limits.lifetime_s - (time.time() - self._created_at)
        return SessionInfo(
            id=self.id,
            parent=self._parent,
            tier=self._tier,
            created_at=self._created_at,
            expires_in_s=round(max(0.0, min(idle_left_s, life_left_s)), 3),
            busy=self._lock.locked(),
            limits=limits,
        )

    async def execute(self, execution: Execution) -> AsyncIterator[ExecEvent]:
        """See `Session.execute`."""
        self._check_alive()
        if self._lock.locked() or (self._executing is not None and not self._executing.done()):
            raise ConflictError(f"session {self.id} is busy with another request")
        events: asyncio.Queue[ExecEvent | BaseException] = asyncio.Queue()
        # A task of its own: a reader that goes away does not stop what it began.
        self._executing = asyncio.create_task(self._execute(execution, events))
        while not isinstance(event := await events.get(), BaseException):
            yield event
            if isinstance(event, Ended):
                return
        raise event

    async def _execute(self, execution: Execution, events: asyncio.Queue[ExecEvent | BaseException]) -> None:
        limits = self.spec.limits
        wall_s = min(execution.wall_s or limits.exec_wall_s, limits.exec_wall_s)
        output = Output(limits.output_bytes, events.put_nowait)
        started = self._loop.time()
        field = "source" if isinstance(execution, PythonSource) else "command"
        try:
            async with self._lock:
                self._interpreter.output = output
                text = getattr(execution, field)
                answer = await self._ask(wall_s + GRACE_S, execution.kind, **{field: text}, wall_s=wall_s)
                self._interpreter.output = None
            events.put_nowait(_ended(answer, output, self._loop.time() - started))
        except Exception as error:  # it belongs to whoever reads the events
            events.put_nowait(error)

    async def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """See `Session.write`."""
        _check(path)
        if len(data) > MAX_FILE_BYTES:
            cause = f"{path} has {len(data)} bytes; a file holds at most {MAX_FILE_BYTES}"
            raise InputError(cause, field="body", limit=f"max_file_bytes={MAX_FILE_BYTES}")
        async with self._lock:
            for at in range(0, max(len(data), 1), PIECE_BYTES):
                piece = base64.b64encode(data[at : at + PIECE_BYTES]).decode()
                answer = await self._ask(_FILE_S, "write", path=path, data=piece, first=at == 0, mode=mode)
                _raise_failed(path, answer)

    async def read(self, path: str) -> bytes:
        """See `Session.read`."""
        _check(path)
        data = b""
        async with self._lock:
            while True:
                answer = await self._ask(_FILE_S, "read", path=path, at=len(data))
                _raise_failed(path, answer)
                piece = base64.b64decode(str(answer.get("data")))
                data += piece
                if len(data) > MAX_FILE_BYTES:
                    limit = f"max_file_bytes={MAX_FILE_BYTES}"
                    raise InputError(f"{path} is too large to be read", field="path", limit=limit)
                if len(piece) < PIECE_BYTES:
                    return data

    async def files(self) -> tuple[FileEntry, ...]:
        """See `Session.files`."""
        async with self._lock:
            answer = await self._ask(_FILE_S, "list")
        _raise_failed(".", answer)
        try:
            entries = [
                FileEntry(
                    path=str(path).encode("utf-8", "backslashreplace").decode(),
                    kind=_KINDS.get(kind, "other"),
                    bytes=size,
                    mode=mode,
                )
                for path, kind, size, mode in answer.get("entries", ())
            ]
        except (TypeError, ValueError):
            raise await self._broken("it gave an answer that cannot be read") from None
        return tuple(sorted(entries, key=lambda entry: entry.path))

    async def fork(self) -> WarmSession:
        """See `Session.fork`."""
        self._check_alive()
        return await self._home.fork(self)

    async def close(self) -> None:
        """See `Session.close`."""
        await self.end("it was closed")

    async def end(self, reason: str) -> None:
        """Kill everything inside and remember why. Returns when nothing is left."""
        self._end_soon(reason)
        if self._ending is not None:
            await asyncio.shield(self._ending)

    def _end_soon(self, reason: str) -> None:
        if self._gone is None:
            self._gone = reason
            self._idle.cancel()
            self._home.forget(self.id, reason)
            self._ending = asyncio.create_task(self._interpreter.close())

    async def _ask(self, most_s: float, op: str, **fields: Any) -> dict[str, Any]:
        """The driver's answer. Raises `SessionGone`; a session that does not answer is ended."""
        self._check_alive()
        self._idle.cancel()
        try:
            async with asyncio.timeout(most_s):
                return await self._interpreter.ask(op, **fields)
        except TimeoutError:
            raise await self._broken("it could not be interrupted when its time was up") from None
        except Broken as error:
            raise await self._broken(str(error)) from None
        except asyncio.CancelledError:
            # An answer that nobody waits for would be taken for the next one's.
            self._end_soon("a request to it was broken off")
            raise
        finally:
            self._idle_from = self._loop.time()
            if self._gone is None:
                self._idle = self._loop.call_later(self.spec.limits.idle_s, self._look_idle)

    async def _broken(self, reason: str) -> SessionGone:
        # The zygote's own word, which may be on its way, says more than a broken pipe.
        await asyncio.sleep(0.2)
        await self.end(reason)
        return self._gone_error()

    def _gone_error(self) -> SessionGone:
        return SessionGone(f"session {self.id} has ended: {self._gone}", hint="open another one")

    def _check_alive(self) -> None:
        if self._gone is not None:
            raise self._gone_error()

    def _look_idle(self) -> None:
        self._end_soon(f"nothing was asked of it for idle_s={self.spec.limits.idle_s:g}")


def _ended(answer: dict[str, Any], output: Output, wall_s: float) -> Ended:
    status, error = answer.get("status"), answer.get("error")
    return Ended(
        status=status if type(status) is int and abs(status) < 1 << 31 else 1,
        error=error_info(error) if error is not None else _not_started(answer),
        timed_out=answer.get("timed_out") is True,
        truncated=output.truncated,
        wall_s=round(wall_s, 6),
    )


def _not_started(answer: dict[str, Any]) -> ErrorInfo | None:
    """Not even a process could be made for it."""
    if "errno" not in answer:
        return None
    return error_info({"type": "OSError", "message": answer.get("message")})


def _check(path: str) -> None:
    try:
        check_path(path)
    except ValueError as error:
        raise InputError(str(error), field="path") from None


def _raise_failed(path: str, answer: dict[str, Any]) -> None:
    number = answer.get("errno")
    if number is None:
        return
    message = str(answer.get("message"))[:300]
    if number == errno.ENOENT:
        raise NotFoundError(f"the session has no file {path!r}", kind="file")
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        raise InputError(f"{path}: the session's disk is full", field="path", limit="disk_bytes")
    if number == errno.ELOOP:
        message = "it is a link, and links are not followed"
    raise InputError(f"{path}: {message}", field="path")
