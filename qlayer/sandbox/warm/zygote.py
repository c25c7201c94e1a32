"""The host's handle on one zygote: starts it, speaks to it, ends it. What a run needs is in `run`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
from collections.abc import Callable, Collection
from typing import NamedTuple

from qlayer.errors import SandboxError
from qlayer.sandbox import interpreter
from qlayer.sandbox.cgroup import Counters, Group
from qlayer.sandbox.config import Control
from qlayer.sandbox.warm.alarm import Alarm
from qlayer.sandbox.warm.plan import Kind
from qlayer.sandbox.zygote.protocol import FAILED, HELPED, READY, Setup

START_TIMEOUT_S = 60.0
KILL_TIMEOUT_S = 15.0
"""From the order to kill until the zygote says that nothing is left; then it counts as dead."""
_REMOVE_TRIES = 100
_IMPORTS = {
    Kind.BARE: interpreter.BARE_IMPORTS,
    Kind.WEB: interpreter.WEB_IMPORTS,
    Kind.SCIENCE: interpreter.SCIENCE_IMPORTS,
    Kind.TOOLS: (),
}


class ZygoteDied(SandboxError):
    """It ended or stopped answering; another one can be started."""


class Spec(NamedTuple):
    """How to start one."""

    kind: Kind
    privileged: bool
    first_uid: int
    groups: tuple[Group, ...]
    disabled: Collection[Control]
    environments: str = ""
    """The folder of prepared packages; empty: there is none."""
    helper: str = ""
    """The compiled helper; empty: all in Python."""
    tools: tuple[tuple[str, str], ...] = ()
    """What else of the host is shown, and where: the toolchains, to a zygote for tools."""

    @property
    def counted(self) -> frozenset[str]:
        """The cgroup controllers in use."""
        return frozenset(group.controller.name for group in self.groups)


class Zygote:
    """One zygote. Not safe for two runs at once; the pool sees to that."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._loop = asyncio.get_running_loop()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._packet: asyncio.Future[bytes] | None = None
        self._hung_up = False
        self._shown = -1
        self._alarm: Alarm | None = None
        self.on_alarm: Callable[[], None] | None = None
        """Called, while a run has set it, when a counter of the groups may have moved."""
        self.counters: Counters | None = None
        """As they stood at the end of its last run."""
        self.helped = False
        """Whether the compiled helper serves it; known after the start."""

    @property
    def pid(self) -> int | None:
        """Of the keeper; None before the start."""
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        return self._control is not None and not self._hung_up

    async def start(self) -> None:
        """Raises `SandboxError` with the zygote's own words."""
        host, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            for group in self.spec.groups:
                # In a thread: the kernel may let it wait for other groups' ends.
                await asyncio.to_thread(group.create)
            self._process = interpreter.start(
                "keeper:main", inside.fileno(), fds=[inside.fileno()], helper=self.spec.helper
            )
        except BaseException as error:
            host.close()
            if not isinstance(error, OSError):
                raise
            raise SandboxError(f"the zygote cannot be started: {error}") from None
        finally:
            inside.close()
        host.setblocking(False)
        self._control = host
        host.send(self._setup().to_bytes())
        self._loop.add_reader(host.fileno(), self._on_packet)
        answer = await self.next_packet(START_TIMEOUT_S)
        self.helped = answer == READY + HELPED
        if not answer.startswith(READY):
            await self.close()
            reason = answer[len(FAILED) :].decode(errors="replace") or "it ended without a word"
            raise SandboxError(f"the zygote could not set itself up: {reason}")
        # Without it events are found at a tick.
        with contextlib.suppress(OSError):
            self._alarm = Alarm(self.spec.groups)
            self._loop.add_reader(self._alarm.fd, self._on_alarm)

    def _on_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.clear()
        if self.on_alarm is not None:
            self.on_alarm()

    def _setup(self) -> Setup:
        return Setup(
            disabled=[control.value for control in self.spec.disabled],
            privileged=self.spec.privileged,
            binds=[*interpreter.binds(), *self.spec.tools],
            sys_path=list(interpreter.search_path(inside=Control.PIVOT_ROOT not in self.spec.disabled)),
            imports=list(_IMPORTS[self.spec.kind]),
            cgroups=[str(group.path) for group in self.spec.groups],
            first_uid=self.spec.first_uid,
            environments=self.spec.environments,
            helper=self.spec.helper,
        )

    def send(self, packet: bytes, fds: Collection[int] = ()) -> None:
        """Raises `ZygoteDied`."""
        if self._control is None or self._hung_up:
            raise ZygoteDied("the zygote is closed")
        try:
            socket.send_fds(self._control, [packet], list(fds))
        except OSError as error:
            raise ZygoteDied(f"the zygote is gone: {error}") from None

    def abandon(self) -> None:
        """Stop waiting for a zygote that cannot answer, and take it out of the world with its keeper."""
        if self._process is not None:
            self._process.kill()
        self._answer(b"")

    async def next_packet(self, timeout_s: float) -> bytes:
        """The zygote's next word. Empty when it died or did not answer in time."""
        self._packet = self._loop.create_future()
        timer = self._loop.call_later(timeout_s, self._answer, b"")
        try:
            return await self._packet
        finally:
            timer.cancel()
            self._packet = None

    def _answer(self, packet: bytes) -> None:
        """Let go whoever waits for a packet."""
        if self._packet is not None and not self._packet.done():
            self._packet.set_result(packet)

    def _on_packet(self) -> None:
        assert self._control is not None
        try:
            packet, fds, _, _ = socket.recv_fds(self._control, 4096, 1, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            packet, fds = b"", []
        self._keep(fds)
        if not packet:
            self._hung_up = True
            self._loop.remove_reader(self._control.fileno())
        self._answer(packet)

    def _keep(self, fds: list[int]) -> None:
        """Hold the descriptor that came last until it is taken; a zygote must not fill our table."""
        for fd in fds:
            if self._shown >= 0:
                os.close(self._shown)
            self._shown = fd

    def take_shown(self) -> int:
        """The descriptor that came with the last packet, now the caller's to close; -1: none did."""
        shown, self._shown = self._shown, -1
        return shown

    async def close(self) -> None:
        """End it and everything inside; returns when the keeper has cleaned up."""
        if self._alarm is not None:
            self._loop.remove_reader(self._alarm.fd)
            self._alarm.close()
            self._alarm = None
        if self._control is not None:
            self._loop.remove_reader(self._control.fileno())
            self._control.close()
            self._control = None
        if self._shown >= 0:
            os.close(self.take_shown())
        self._answer(b"")
        if self._process is not None:
            process = self._process
            try:
                await asyncio.to_thread(process.wait, KILL_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        # A keeper removes its groups; one that was killed could not, and its last processes are still dying.
        for _ in range(_REMOVE_TRIES):
            for group in self.spec.groups:
                group.remove()
            if not any(group.path.exists() for group in self.spec.groups):
                break
            await asyncio.sleep(0.01)
