"""Sessions for unit tests of other parts: Python runs HERE, without any isolation; files are a dictionary."""

from __future__ import annotations

import contextlib
import io
import time
import traceback
from collections.abc import AsyncIterator
from typing import Any

from qlayer.errors import InputError, NotFoundError, SessionGone
from qlayer.sandbox.sessions.base import (
    Chunk,
    Ended,
    ExecEvent,
    Execution,
    FileEntry,
    PythonSource,
    SessionInfo,
    SessionSpec,
)
from qlayer.sandbox.sessions.registry import Registry, new_id
from qlayer.types.check import ErrorInfo
from qlayer.types.source import check_path
from qlayer.types.verdict import Tier


class UnsafeFakeSessions:
    """A `SessionHost` for trusted test code only."""

    def __init__(self, *, most: int = 8) -> None:
        self._registry: Registry[_FakeSession] = Registry(most)

    async def __aenter__(self) -> UnsafeFakeSessions:
        return self

    async def __aexit__(self, *exc: object) -> None:
        for session in self._registry.alive():
            session.end("its host was closed")

    async def open(self, spec: SessionSpec | None = None) -> _FakeSession:
        return self._opened(spec or SessionSpec(), None)

    def get(self, session_id: str) -> _FakeSession:
        return self._registry.get(session_id)

    def list(self) -> tuple[SessionInfo, ...]:
        return tuple(session.info for session in self._registry.alive())

    def _opened(self, spec: SessionSpec, parent: _FakeSession | None) -> _FakeSession:
        self._registry.reserve()
        session = _FakeSession(self, spec, parent)
        self._registry.admit(session.id, session)
        return session


class _FakeSession:
    def __init__(self, host: UnsafeFakeSessions, spec: SessionSpec, parent: _FakeSession | None) -> None:
        self.id = new_id()
        self._host = host
        self._spec = spec
        self._parent = parent
        self._files: dict[str, bytes] = dict(parent._files if parent is not None else spec.tree.files)
        self._names: dict[str, Any] = {}
        self._gone: str | None = None
        self._created_at = time.time()

    @property
    def info(self) -> SessionInfo:
        return SessionInfo(
            id=self.id,
            parent=self._parent.id if self._parent is not None else None,
            tier=Tier.NONE,
            created_at=self._created_at,
            expires_in_s=self._spec.limits.idle_s,
            limits=self._spec.limits,
        )

    async def execute(self, execution: Execution) -> AsyncIterator[ExecEvent]:
        self._check_alive()
        if not isinstance(execution, PythonSource):
            raise InputError("the fake runs Python only", field="kind")
        output = io.StringIO()
        error: ErrorInfo | None = None
        with contextlib.redirect_stdout(output):
            try:
                exec(execution.source, self._names)
            except Exception as raised:  # the executed code's own
                error = ErrorInfo(type=type(raised).__name__, message=str(raised))
                text = traceback.format_exc()
        if output.getvalue():
            yield Chunk(stream="stdout", data=output.getvalue().encode())
        if error is not None:
            yield Chunk(stream="stderr", data=text.encode())
        yield Ended(status=int(error is not None), error=error)

    async def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self._check(path)
        self._files[path] = data

    async def read(self, path: str) -> bytes:
        self._check(path)
        if path not in self._files:
            raise NotFoundError(f"the session has no file {path!r}", kind="file")
        return self._files[path]

    async def files(self) -> tuple[FileEntry, ...]:
        self._check_alive()
        return tuple(
            FileEntry(path=path, kind="file", bytes=len(data)) for path, data in sorted(self._files.items())
        )

    async def fork(self) -> _FakeSession:
        self._check_alive()
        return self._host._opened(self._spec, self)

    async def close(self) -> None:
        self.end("it was closed")

    def end(self, reason: str) -> None:
        if self._gone is None:
            self._gone = reason
            self._host._registry.end(self.id, reason)

    def _check(self, path: str) -> None:
        self._check_alive()
        try:
            check_path(path)
        except ValueError as error:
            raise InputError(str(error), field="path") from None

    def _check_alive(self) -> None:
        if self._gone is not None:
            raise SessionGone(f"session {self.id} has ended: {self._gone}")
