"""`ContainerSandbox`: a pool of containers behind the `Sandbox` interface; subclasses make them."""

from __future__ import annotations

import asyncio
import os
import platform
from abc import ABC, abstractmethod
from typing import NamedTuple

from qlayer.errors import SandboxError
from qlayer.sandbox.base import Capability, Limits, SandboxInfo, SandboxJob, SandboxResult
from qlayer.sandbox.container.cell import IMPORTS, Cell
from qlayer.sandbox.warm import judge
from qlayer.sandbox.warm.plan import Kind, Plan, Rejected, make
from qlayer.sandbox.warm.run import observe
from qlayer.sandbox.warm.tools import is_for_tools
from qlayer.sandbox.zygote.filters import filter_digest
from qlayer.sandbox.zygote.protocol import NO_ENVIRONMENT
from qlayer.types.verdict import Evidence, Outcome, Tier

_DEFAULT_LIMITS = Limits()
_MIB = 1 << 20


class Walls(NamedTuple):
    """What a runtime gives on this host."""

    backend: str
    capabilities: tuple[Capability, ...]
    kernel: str
    processes_counter: str
    """What shows that a run wanted too many processes."""
    image_digest: str | None = None


class _Shelf(NamedTuple):
    """Which containers can serve a run: the same imports, a /tmp of the same size."""

    kind: Kind
    tmp_bytes: int


class ContainerSandbox(ABC):
    """Runs jobs in containers; at most `workers` at a time, others wait.

    Enter and use it in one event loop. Leaving, or the death of this process, ends the containers.
    """

    sized_tmp = False
    """Whether /tmp gets its size with its container, rounded up to a MiB, rather than with each run."""
    brings_files = False
    """Whether a descriptor of a run's /tmp can reach the host, who reads its outputs beneath it."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._slots = asyncio.Semaphore(workers)
        self._walls: Walls | None = None
        self._idle: list[tuple[_Shelf, Cell]] = []
        """The one that waited longest comes first."""
        self._busy: set[Cell] = set()

    @abstractmethod
    async def _open(self) -> Walls:
        """Look at the runtime. Raises `TierUnavailable` with the reason."""

    @abstractmethod
    async def _shut(self) -> None:
        """Undo `_open`."""

    @abstractmethod
    def _cell(self, kind: Kind, tmp_bytes: int) -> Cell:
        """A container that is not started yet."""

    @property
    def info(self) -> SandboxInfo:
        """Raises `SandboxError` before it was entered."""
        if self._walls is None:
            raise SandboxError("the sandbox is not open; use it as `async with`")
        return SandboxInfo(
            backend=self._walls.backend,
            tier=Tier.FULL,
            capabilities=self._walls.capabilities,
            runtimes=(f"cpython {platform.python_version()}",),
        )

    async def __aenter__(self) -> ContainerSandbox:
        """Look at the runtime and start the first container. Raises `TierUnavailable` or `SandboxError`."""
        self._walls = await self._open()
        try:
            shelf = self._shelf(Kind.BARE, _DEFAULT_LIMITS, 0)
            self._idle.append((shelf, await self._started(shelf)))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._walls = None
        cells = [*(cell for _, cell in self._idle), *self._busy]
        self._idle.clear()
        await asyncio.gather(*(cell.close() for cell in cells))
        await self._shut()

    async def run(self, job: SandboxJob, limits: Limits | None = None) -> SandboxResult:
        """See `Sandbox.run`. A job with literals that cannot be read, or of another kind, is REJECTED."""
        evidence = self._evidence()
        limits = limits or _DEFAULT_LIMITS
        if is_for_tools(job):
            return judge.refused(
                f"the sandbox backend {evidence.backend} runs Python programs alone", evidence
            )
        try:
            plan = make(job)
        except Rejected as error:
            return judge.refused(str(error), evidence)
        if plan.environment != NO_ENVIRONMENT or (plan.outputs and not self.brings_files):
            lacking = "prepared packages" if plan.environment != NO_ENVIRONMENT else "bringing files back"
            return judge.refused(f"the sandbox backend {evidence.backend} does without {lacking}", evidence)
        async with self._slots:
            try:
                return self._named(await self._run(job, plan, limits, evidence))
            except SandboxError as error:
                return judge.disturbed(error.message, evidence)

    async def _run(self, job: SandboxJob, plan: Plan, limits: Limits, evidence: Evidence) -> SandboxResult:
        # What a kind has warm only saves time: any program runs in each.
        kind = plan.kind if plan.kind in IMPORTS else Kind.BARE
        shelf = self._shelf(kind, limits, sum(-(-len(data) // 4096) for data in plan.job.files.values()))
        cell = await self._take(shelf)
        self._busy.add(cell)
        healthy = False
        try:
            seen = await observe(cell, plan, limits)
            healthy = seen.ending is not None
        finally:
            self._busy.discard(cell)
            if healthy and self._walls is not None:
                self._idle.append((shelf, cell))
            else:
                await asyncio.shield(cell.close())
        return judge.judge(job, plan, seen, evidence)

    def _shelf(self, kind: Kind, limits: Limits, pages: int) -> _Shelf:
        if not self.sized_tmp:
            return _Shelf(kind, 0)
        needed = limits.disk_bytes + pages * 4096 + _MIB // 4
        return _Shelf(kind, -(-needed // _MIB) * _MIB)

    async def _take(self, shelf: _Shelf) -> Cell:
        """An idle container that fits and still lives, or a new one in the place of the one idle longest."""
        if self._walls is None:
            raise SandboxError("the sandbox was closed")
        dead = [pair for pair in self._idle if not pair[1].alive]
        fitting = [pair for pair in self._idle if pair[0] == shelf and pair[1].alive]
        kept = fitting[-1] if fitting else None
        # One idle container of each size and kind, and as many again as there are workers.
        surplus = (
            []
            if kept
            else [p for p in self._idle if p[1].alive][: max(0, len(self._idle) - 2 * self._workers)]
        )
        leaving = [*dead, *surplus]
        self._idle = [pair for pair in self._idle if pair is not kept and pair not in leaving]
        await asyncio.gather(*(cell.close() for _, cell in leaving))
        return kept[1] if kept else await self._started(shelf)

    async def _started(self, shelf: _Shelf) -> Cell:
        """A new container, busy from its first moment: leaving the sandbox ends it wherever it is."""
        cell = self._cell(*shelf)
        self._busy.add(cell)
        try:
            await cell.start()
        except BaseException:
            await asyncio.shield(cell.close())
            raise
        finally:
            self._busy.discard(cell)
        return cell

    def _evidence(self) -> Evidence:
        info = self.info
        assert self._walls is not None
        return Evidence(
            backend=info.backend,
            tier=info.tier,
            runtime=info.runtimes[0],
            kernel=self._walls.kernel,
            filter_digest=filter_digest(),
            image_digest=self._walls.image_digest,
            host_load=os.getloadavg()[0] / (os.cpu_count() or 1),
        )

    def _named(self, result: SandboxResult) -> SandboxResult:
        """With the counter's name as this runtime has it."""
        evidence = result.verdict.evidence
        if result.verdict.outcome is not Outcome.PROCESS_LIMIT or self._walls is None:
            return result
        number = (evidence.counter or "").rpartition("=")[2]
        named = evidence.model_copy(update={"counter": f"{self._walls.processes_counter}={number}"})
        return result.model_copy(update={"verdict": result.verdict.model_copy(update={"evidence": named})})
