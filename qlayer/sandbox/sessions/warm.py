"""Sessions on the warm sandbox: each has a zygote of its own, and in it one interpreter that stays.

Own namespaces, uids, cgroups and /tmp keep sessions apart from each other as runs are kept apart.
"""

from __future__ import annotations

import asyncio
import contextlib

from qlayer.errors import SandboxError
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.sessions.base import SessionInfo, SessionSpec
from qlayer.sandbox.sessions.interpreter import Interpreter
from qlayer.sandbox.sessions.registry import Registry, new_id
from qlayer.sandbox.sessions.warm_session import WarmSession
from qlayer.sandbox.warm.sandbox import WarmSandbox
from qlayer.types.verdict import Tier

SESSIONS = 8
"""At once, unless told otherwise."""


class WarmSessions:
    """A `SessionHost`. Probes the host when the first session is opened, not before."""

    def __init__(self, config: WarmConfig, *, most: int = SESSIONS) -> None:
        self._sandbox = WarmSandbox(config)
        self._entered = contextlib.AsyncExitStack()
        self._entering = asyncio.Lock()
        self._tier: Tier | None = None
        self._registry: Registry[WarmSession] = Registry(most)
        self._closed = False

    async def __aenter__(self) -> WarmSessions:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._closed = True
        for session in self._registry.alive():
            await session.end("its host was closed")
        await self._entered.aclose()

    async def open(self, spec: SessionSpec | None = None) -> WarmSession:
        """See `SessionHost.open`."""
        return await self._open(spec or SessionSpec(), parent=None)

    def get(self, session_id: str) -> WarmSession:
        """See `SessionHost.get`."""
        return self._registry.get(session_id)

    def list(self) -> tuple[SessionInfo, ...]:
        """See `SessionHost.list`."""
        return tuple(session.info for session in self._registry.alive())

    async def fork(self, parent: WarmSession) -> WarmSession:
        """A new session with copies of the parent's files; links and special files are left out."""
        child = await self._open(
            parent.spec.model_copy(update={"tree": SessionSpec().tree}), parent=parent.id
        )
        try:
            for entry in await parent.files():
                if entry.kind == "file":
                    await child.write(entry.path, await parent.read(entry.path), entry.mode)
        except BaseException:
            await child.end("the fork was not finished")
            raise
        return child

    async def _open(self, spec: SessionSpec, parent: str | None) -> WarmSession:
        if self._closed:
            raise SandboxError("the host of sessions was closed")
        session_id = new_id()
        self._registry.reserve()
        session: WarmSession | None = None
        try:
            await self._enter()
            zygote = await self._sandbox.lend()
            interpreter = Interpreter(zygote, spec, self._sandbox.take_back)
            await interpreter.start()
            assert self._tier is not None
            session = WarmSession(session_id, spec, self._tier, interpreter, self, parent)
        finally:
            self._registry.admit(session_id, session)
        return session

    async def _enter(self) -> None:
        async with self._entering:
            if self._tier is None:
                sandbox = await self._entered.enter_async_context(self._sandbox)
                self._tier = sandbox.info.tier

    def forget(self, session_id: str, reason: str) -> None:
        """A session has ended."""
        self._registry.end(session_id, reason)
