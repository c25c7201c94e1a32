"""The host's handle on one container with a zygote in it: a `Zygote` that is started and ended otherwise."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod

from qlayer.errors import SandboxError
from qlayer.sandbox import interpreter
from qlayer.sandbox.cgroup import Group
from qlayer.sandbox.warm.plan import Kind
from qlayer.sandbox.warm.zygote import START_TIMEOUT_S, Spec, Zygote
from qlayer.sandbox.zygote.protocol import FAILED, READY, Setup

IMPORTS = {Kind.BARE: interpreter.BARE_IMPORTS, Kind.WEB: interpreter.WEB_IMPORTS}
"""The kinds that containers offer, and what each has imported."""


class Cell(Zygote, ABC):
    """One container. `observe` drives it like any other zygote."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(Spec(kind=kind, privileged=True, first_uid=0, groups=(), disabled=frozenset()))

    @abstractmethod
    async def _launch(self) -> socket.socket:
        """Start the container; the connected control socket. Raises `SandboxError`."""

    @abstractmethod
    async def _groups(self) -> tuple[Group, ...]:
        """What limits and counts its runs; called when it is up. Raises `SandboxError`."""

    @abstractmethod
    async def _words(self) -> str:
        """Why it did not start, in the runtime's own words."""

    async def start(self) -> None:
        """Raises `SandboxError` with the reason."""
        control = await self._launch()
        control.setblocking(False)
        self._control = control
        control.send(self._setup().to_bytes())
        self._loop.add_reader(control.fileno(), self._on_packet)
        answer = await self.next_packet(START_TIMEOUT_S)
        if answer != READY:
            reason = answer[len(FAILED) :].decode(errors="replace") or await self._words()
            await self.close()
            raise SandboxError(f"the container's zygote could not set itself up: {reason}")
        # Only now: what the imports took is in use before any run, and is told apart.
        self.spec = self.spec._replace(groups=await self._groups())

    def _setup(self) -> Setup:
        return Setup(
            disabled=[],
            privileged=True,
            binds=[],
            sys_path=list(interpreter.search_path()),
            imports=list(IMPORTS[self.spec.kind]),
            cgroups=[],
            first_uid=0,
        )
