"""`WarmSandbox`: a pool of zygotes behind the `Sandbox` interface."""

from __future__ import annotations

import asyncio
import itertools
import os
import platform
import secrets
import shutil
import tempfile
from pathlib import Path

from qlayer.errors import NotFoundError, SandboxError
from qlayer.sandbox import capabilities, cgroup, helper, interpreter
from qlayer.sandbox.base import (
    Capability,
    InteractiveJob,
    Limits,
    ProgramJob,
    SandboxInfo,
    SandboxJob,
    SandboxResult,
)
from qlayer.sandbox.config import Control, WarmConfig
from qlayer.sandbox.environments.shelf import attached, make_root
from qlayer.sandbox.runtimes import tool_binds
from qlayer.sandbox.warm import judge
from qlayer.sandbox.warm.artefacts import ArtefactCache
from qlayer.sandbox.warm.compiled import CompiledTests
from qlayer.sandbox.warm.idle import IdleZygotes
from qlayer.sandbox.warm.languages import Languages
from qlayer.sandbox.warm.observation import Observation
from qlayer.sandbox.warm.plan import Kind, Plan, Rejected, make
from qlayer.sandbox.warm.run import observe
from qlayer.sandbox.warm.tools import is_for_tools
from qlayer.sandbox.warm.zygote import Spec, Zygote
from qlayer.sandbox.zygote.filters import filter_digest
from qlayer.types.verdict import Attribution, Evidence, Tier

BACKEND = "warm"
_DEFAULT_LIMITS = Limits()
_KERNEL = platform.release()
_CPUS = os.cpu_count() or 1


class WarmSandbox:
    """Runs jobs in forks of warm interpreters; at most `config.workers` at a time, others wait.

    Enter and use it in one event loop. Leaving, or the death of this process, kills everything inside.
    `unsafe_disabled` turns single controls off; only the hostile tests may use it.
    """

    def __init__(
        self, config: WarmConfig, *, unsafe_disabled: frozenset[Control | str] = frozenset()
    ) -> None:
        self._config = config
        self._disabled = frozenset(Control(name) for name in unsafe_disabled)
        self._info: SandboxInfo | None = None
        self._host = capabilities.Host((), ())
        self._filter_digest: str | None = None
        self._helper = helper.Helper("", "not asked for")
        self._slots = asyncio.Semaphore(config.workers)
        self._idle = IdleZygotes(config.idle_s)
        self._busy: set[Zygote] = set()
        self._numbers = itertools.count()
        # Made when the first program is compiled.
        self._scratch = Path(tempfile.gettempdir(), f"qlayer-artefacts-{secrets.token_hex(16)}")
        cache = ArtefactCache(config.artefacts or self._scratch, config.artefacts_bytes)
        self._languages = Languages(cache)
        self._compiled = CompiledTests()

    @property
    def info(self) -> SandboxInfo:
        """Raises `SandboxError` before it was entered."""
        if self._info is None:
            raise SandboxError("the sandbox is not open; use it as `async with`")
        return self._info

    async def __aenter__(self) -> WarmSandbox:
        """Probe the host and start the first zygote. Raises `TierUnavailable` or `SandboxError`."""
        self._host = await asyncio.to_thread(capabilities.probe)
        probed = self._host.capabilities
        # Below namespaces and seccomp this backend has nothing to offer, whatever the minimum says.
        floor = self._config.minimum_tier if self._config.minimum_tier is Tier.FULL else Tier.USERNS
        capabilities.require(floor, probed)
        self._info = SandboxInfo(
            backend=BACKEND,
            tier=capabilities.tier(probed, self._disabled),
            capabilities=probed,
            runtimes=(f"cpython {platform.python_version()}",),
        )
        if self._config.environments is not None:
            make_root(self._config.environments)
        if Control.SECCOMP not in self._disabled:
            self._filter_digest = filter_digest()
        for controller in self._host.controllers:
            cgroup.sweep(controller)
        if self._config.helper:
            self._helper = await asyncio.to_thread(helper.find)
        first = await self._started(Kind.BARE)
        self._busy.discard(first)
        self._idle.put(first)
        served = Capability(name="compiled_helper", available=first.helped, detail=self._helper.detail)
        self._info = self._info.model_copy(update={"capabilities": (*probed, served)})
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._info = None
        await asyncio.gather(self._idle.close(), *(zygote.close() for zygote in self._busy))
        await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)

    async def run(
        self, job: SandboxJob, limits: Limits | None = None, *, cancel: asyncio.Event | None = None
    ) -> SandboxResult:
        """See `Sandbox.run`. A job with literals that cannot be read is REJECTED.

        Setting `cancel` ends the run with CANCELLED and what was seen of it. A cancelled task raises.
        """
        evidence = self._evidence(job)
        if is_for_tools(job):
            return await self._run_with_tools(job, limits or _DEFAULT_LIMITS, evidence, cancel)
        try:
            plan = make(job)
        except Rejected as error:
            return judge.refused(str(error), evidence)
        async with self._slots:
            if cancel is not None and cancel.is_set():
                return judge.cancelled(evidence)
            try:
                with attached(self._config.environments, plan.environment):
                    return await self._run(job, plan, limits or _DEFAULT_LIMITS, evidence, cancel)
            except NotFoundError as error:
                return judge.refused(f"environment: {error.message}", evidence)
            except SandboxError as error:
                return judge.disturbed(error.message, evidence)

    async def _run(
        self, job: SandboxJob, plan: Plan, limits: Limits, evidence: Evidence, cancel: asyncio.Event | None
    ) -> SandboxResult:
        plan = self._compiled.known(plan)
        seen = await self._observe(plan, limits, cancel)
        self._compiled.learn(plan, seen)
        return judge.judge(job, plan, seen, evidence)

    async def _run_with_tools(
        self,
        job: ProgramJob | InteractiveJob,
        limits: Limits,
        evidence: Evidence,
        cancel: asyncio.Event | None,
    ) -> SandboxResult:
        """A language that is built first, or two programs: all its runs take one slot."""
        if isinstance(job, InteractiveJob) and not self._host.has("second_uid"):
            cause = "an interactor needs a uid of its own, which this tier lacks; start as root"
            return judge.refused(cause, evidence, attribution=Attribution.PLATFORM)
        async with self._slots:
            if cancel is not None and cancel.is_set():
                return judge.cancelled(evidence)
            try:
                return await self._languages.run(
                    job, limits, evidence, lambda plan, granted: self._observe(plan, granted, cancel)
                )
            except SandboxError as error:
                return judge.disturbed(error.message, evidence)

    async def _observe(self, plan: Plan, limits: Limits, cancel: asyncio.Event | None) -> Observation:
        zygote = await self._take(plan.kind)
        healthy = False
        try:
            seen = await observe(zygote, plan, limits, cancel)
            healthy = seen.ending is not None
        finally:
            self._busy.discard(zygote)
            if healthy:
                self._idle.put(zygote)
            else:
                await asyncio.shield(zygote.close())
        return seen

    async def _take(self, kind: Kind) -> Zygote:
        """An idle zygote of the kind that is still alive, or a new one. Raises `SandboxError` when closed."""
        if self._info is None:
            raise SandboxError("the sandbox was closed")
        zygote = await self._idle.take(kind)
        if zygote is None:
            return await self._started(kind)
        self._busy.add(zygote)
        return zygote

    async def _started(self, kind: Kind) -> Zygote:
        """A new zygote, busy from its first moment: leaving the sandbox ends it wherever it is."""
        tools = await asyncio.to_thread(tool_binds) if kind is Kind.TOOLS else ()
        number = next(self._numbers)
        zygote = Zygote(
            Spec(
                kind=kind,
                privileged=self._host.has("second_uid"),
                first_uid=_uids(number),
                groups=self._groups(number),
                disabled=self._disabled,
                environments=str(self._config.environments or ""),
                helper=self._helper.path,
                tools=tools,
            )
        )
        self._busy.add(zygote)
        try:
            await zygote.start()
        except BaseException:
            self._busy.discard(zygote)
            await asyncio.shield(zygote.close())
            raise
        return zygote

    async def lend(self, kind: Kind = Kind.BARE) -> Zygote:
        """A zygote out of the pool. Give it back with `take_back`; leaving the sandbox ends it too.

        Raises `SandboxError`.
        """
        return await self._take(kind)

    async def take_back(self, zygote: Zygote) -> None:
        """End a zygote that was lent."""
        self._busy.discard(zygote)
        await zygote.close()

    def _groups(self, number: int) -> tuple[cgroup.Group, ...]:
        name = f"qlayer-{os.getpid()}-{id(self):x}-{number}"
        off = {control.value.removesuffix("_cgroup") for control in self._disabled}
        return tuple(cgroup.Group(c, name) for c in self._host.controllers if c.name not in off)

    def _evidence(self, job: SandboxJob) -> Evidence:
        return Evidence(
            backend=BACKEND,
            tier=self.info.tier,
            runtime=self.info.runtimes[0],
            kernel=_KERNEL,
            hash_seed=interpreter.HASH_SEED,
            filter_digest=self._filter_digest,
            environment=None if isinstance(job, InteractiveJob) else job.environment,
            host_load=os.getloadavg()[0] / _CPUS,
        )


def _uids(number: int) -> int:
    """The first of a zygote's three uids: neighbours share none, so nor the kernel's budgets by user."""
    return capabilities.FIRST_UID + 3 * ((os.getpid() * 64 + number) % capabilities.UID_TRIPLES)
