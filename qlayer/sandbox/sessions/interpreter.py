"""One zygote with one interpreter in it that stays: its descriptors, its output, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from qlayer.errors import SandboxError
from qlayer.sandbox.sessions.base import Chunk, SessionSpec
from qlayer.sandbox.sessions.channel import Broken, Channel, Pipe
from qlayer.sandbox.warm.run import sealed
from qlayer.sandbox.warm.zygote import Zygote, ZygoteDied
from qlayer.sandbox.zygote.job import Job
from qlayer.sandbox.zygote.protocol import ENDED, Ending, Order

_START_S = 60.0
_PAGE, _TMP_SLACK, _TMP_INODES = 4096, 256 * 1024, 16_384


class Output:
    """What one execution writes; bounded, so that a queue of it is too."""

    def __init__(self, limit_bytes: int, take: Callable[[Chunk], None]) -> None:
        self._left = limit_bytes
        self._take = take
        self.truncated = False

    def add(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        kept = data[: self._left]
        self.truncated = self.truncated or len(kept) < len(data)
        self._left -= len(kept)
        if kept:
            self._take(Chunk(stream=stream, data=kept))


class Interpreter:
    """Speaks to the driver `session`. Ends its zygote when it is closed."""

    def __init__(
        self, zygote: Zygote, spec: SessionSpec, give_back: Callable[[Zygote], Awaitable[None]]
    ) -> None:
        self._zygote = zygote
        self._spec = spec
        self._give_back = give_back
        self._nonce = secrets.token_hex(16)
        self._channel = Channel(self._nonce)
        self._stdout = Pipe(lambda data: self._on_output("stdout", data))
        self._stderr = Pipe(lambda data: self._on_output("stderr", data))
        self.output: Output | None = None
        """Where output goes; None: nowhere."""
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises `SandboxError`."""
        try:
            self._set_limits()
            self._hand_over()
            async with asyncio.timeout(_START_S):
                await self._channel.ready()
        except (Broken, TimeoutError) as error:
            await self.close()
            raise SandboxError(f"the session could not be started: {error or 'it did not answer'}") from None
        except BaseException:
            await self.close()
            raise

    def watch(self, ended: Callable[[str], None]) -> None:
        """Call back once, with the reason, when it has ended by itself or has reached its lifetime."""
        self._watching = asyncio.create_task(self._watch(ended))

    async def _watch(self, ended: Callable[[str], None]) -> None:
        lifetime_s = self._spec.limits.lifetime_s
        packet = await self._zygote.next_packet(lifetime_s)
        ended(
            self._reason(packet) if packet or not self._zygote.alive else f"lifetime_s={lifetime_s:g} is over"
        )

    def _reason(self, packet: bytes) -> str:
        limits = self._spec.limits
        if any(group.counters().oom_kills for group in self._zygote.spec.groups):
            return f"it needed more than memory_bytes={limits.memory_bytes}"
        if packet[:1] != ENDED:
            return "its sandbox died"
        ending = Ending.from_bytes(packet)
        if ending.cpu_us >= limits.cpu_s * 1e6:
            return f"it used up cpu_s={limits.cpu_s:g}"
        if ending.status & 0x7F:
            return f"its interpreter was ended by signal {ending.status & 0x7F}"
        return f"its interpreter ended with status {ending.status >> 8}"

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Raises `Broken`."""
        answer = await self._channel.ask(op, **fields)
        # What was written before the answer is in the pipes by now.
        self._stdout.read_rest()
        self._stderr.read_rest()
        return answer

    async def close(self) -> None:
        """Kill everything inside; returns when it is gone."""
        if self._watching is not None and self._watching is not asyncio.current_task():
            self._watching.cancel()
        self._channel.close()
        self._stdout.close()
        self._stderr.close()
        await asyncio.shield(self._give_back(self._zygote))

    def _on_output(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        if self.output is not None:
            self.output.add(stream, data)

    def _hand_over(self) -> None:
        job = sealed(Job("session", self._nonce, {}, dict(self._spec.tree.files)).to_bytes())
        pipes = (self._channel.report, self._stdout, self._stderr)
        requests = self._channel.requests_end.fileno()
        fds = [job, pipes[0].writer, requests, pipes[1].writer, pipes[2].writer]
        try:
            self._zygote.send(self._order().to_bytes(), fds)
        finally:
            os.close(job)
        self._channel.start()
        self._stdout.start()
        self._stderr.start()

    def _order(self) -> Order:
        limits, counted = self._spec.limits, self._zygote.spec.counted
        tree = sum(-(-len(data) // _PAGE) * _PAGE for data in self._spec.tree.files.values())
        tmp_bytes = limits.disk_bytes + tree + _TMP_SLACK
        return Order(
            split=False,
            cpu_us=int(limits.cpu_s * 1e6),
            open_files=limits.open_files,
            processes=0 if "pids" in counted else limits.processes + 1,
            data_bytes=0 if "memory" in counted else limits.memory_bytes,
            tmp_bytes=tmp_bytes,
            tmp_inodes=_TMP_INODES + 2 * len(self._spec.tree.files),
            file_bytes=tmp_bytes,
        )

    def _set_limits(self) -> None:
        limits = self._spec.limits
        values = {"memory": limits.memory_bytes, "pids": limits.processes + 1}
        for group in self._zygote.spec.groups:
            with contextlib.suppress(KeyError):
                try:
                    group.limit(values[group.controller.name])
                except OSError as error:
                    raise ZygoteDied(f"the cgroup refuses its limit: {error}") from None
