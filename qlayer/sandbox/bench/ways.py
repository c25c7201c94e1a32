"""The ways to run a program, each as something that runs it a number of times and says what that took.

CPU of a sandboxed execution is what this process used, what the sandbox's living processes used, and what it
reports for those that it reaped; so nothing is left out of the comparison with a bare fork.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any, NamedTuple, Protocol

from qlayer.errors import SandboxError
from qlayer.sandbox.base import Limits, Sandbox, SandboxJob, SandboxResult
from qlayer.sandbox.bench import peer_process
from qlayer.sandbox.bench.programs import BenchProgram
from qlayer.sandbox.bench.report import Missing
from qlayer.types.verdict import Outcome

_ROOMY = Limits(wall_s=120, cpu_s=60)


class Block(NamedTuple):
    """Some executions in a row."""

    walls_s: tuple[float, ...]
    cpu_s: float
    """Of all of them."""


class Way(Protocol):
    async def run(self, program: BenchProgram, count: int) -> Block: ...

    async def hurry(self, program: BenchProgram, count: int) -> None:
        """Run it as often, without looking at anything."""
        ...


class Peer:
    """A peer's interpreter, taking orders."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self._name = name
        self._process = process

    async def run(self, program: BenchProgram, count: int) -> Block:
        runs = await self.ask([program.name, count])
        return Block(tuple(wall for wall, _ in runs), sum(cpu for _, cpu in runs))

    async def hurry(self, program: BenchProgram, count: int) -> None:
        await self.run(program, count)

    async def ask(self, order: object) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise SandboxError(f"the peer {self._name} ended while it was measured; its words are on stderr")
        return json.loads(line)


@asynccontextmanager
async def open_peer(
    name: str, programs: Sequence[BenchProgram], imports: Sequence[str], packages: Path | None = None
) -> AsyncIterator[Peer | Missing]:
    """The peer in an own session, so that it ends with all its children whatever happens here.

    `packages` is a folder with what it imports, if that is not installed here.
    """
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-I",
            str(Path(peer_process.__file__)),
            name,
            *([str(packages)] if packages else []),
        ),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=16 * 1024 * 1024,
        start_new_session=True,
    )
    peer = Peer(name, process)
    texts = {
        program.name: {
            "source": program.source,
            "check": program.check,
            "function": program.function,
            "whole": program.whole,
            "calls": f"[{', '.join(f'({args}, {value})' for args, value in program.calls)}]",
        }
        for program in programs
    }
    try:
        reason = await peer.ask([texts, list(imports)])
        yield peer if reason is None else Missing(way=name, reason=reason)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


class SandboxWay:
    """Runs in the sandbox, one at a time."""

    def __init__(self, sandbox: Sandbox, mode: str, job: Callable[[BenchProgram], SandboxJob]) -> None:
        self._sandbox = sandbox
        self._mode = mode
        self._job = job

    async def run(self, program: BenchProgram, count: int) -> Block:
        job = self._job(program)
        living = _descendants()
        before = _cpu_of(living) + _own_cpu_s()
        walls, reaped_s = [], 0.0
        for _ in range(count):
            started = time.perf_counter()
            result = await self._accepted(job, program)
            walls.append(time.perf_counter() - started)
            reaped_s += result.usage.cpu_s
        return Block(tuple(walls), reaped_s + _cpu_of(living) + _own_cpu_s() - before)

    async def hurry(self, program: BenchProgram, count: int) -> None:
        job = self._job(program)
        for _ in range(count):
            await self._accepted(job, program)

    async def _accepted(self, job: SandboxJob, program: BenchProgram) -> SandboxResult:
        result = await self._sandbox.run(job, _ROOMY)
        verdict = result.verdict
        if verdict.outcome is not Outcome.ACCEPTED:
            raise SandboxError(f"{self._mode} of {program.name}: {verdict.outcome}, {verdict.cause}")
        return result


def _own_cpu_s() -> float:
    used = getrusage(RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _descendants() -> list[int]:
    """Pids of all processes below this one; peers wait in that time and add nothing."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    todo = [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _cpu_of(pids: list[int]) -> float:
    """Seconds these processes used themselves, to the nanosecond. Raises `SandboxError` when one is gone."""
    total = 0.0
    for pid in pids:
        clock = (~pid << 3) | 2  # CPUCLOCK_SCHED of a process: linux/posix-timers.h, MAKE_PROCESS_CPUCLOCK
        try:
            total += time.clock_gettime(clock)
        except OSError:
            raise SandboxError("a process of the sandbox ended while it was measured") from None
    return total
