"""Sandboxed jobs as items of an executor: the composition of `qlayer.sandbox` and `qlayer.executor`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from qlayer.app.build import build_sandbox
from qlayer.app.settings import Settings
from qlayer.errors import SandboxError
from qlayer.executor.base import (
    Executor,
    ExecutorConfig,
    Item,
    Quarantined,
    Worker,
    WorkerBuilder,
    WorkerDied,
)
from qlayer.executor.local import LocalExecutor
from qlayer.sandbox.base import Limits, Sandbox, SandboxJob, SandboxResult
from qlayer.types.ids import Digest, digest_of
from qlayer.types.verdict import Attribution, Evidence, Outcome, Phase, Tier, Verdict


class Task(NamedTuple):
    """One job and what it may use."""

    job: SandboxJob
    limits: Limits

    @property
    def key(self) -> Digest:
        """The same job under the same limits has the same key."""
        return digest_of([self.job.model_dump(mode="json"), self.limits.model_dump(mode="json")])

    def item(self, tenant: str = "") -> Item[Task]:
        return Item(self.key, tenant, self)


Grader = Executor[Task, SandboxResult]


@dataclass(frozen=True)
class SandboxWorkers:
    """Builds a sandbox of its own, as the settings say, wherever it is called. Picklable."""

    settings: Settings

    def __call__(self) -> AbstractAsyncContextManager[Worker[Task, SandboxResult]]:
        return _opened(self.settings)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Worker[Task, SandboxResult]]:
    async with build_sandbox(settings) as sandbox:
        yield worker_of(sandbox)


def worker_of(sandbox: Sandbox) -> Worker[Task, SandboxResult]:
    """A worker over an open sandbox. A run whose zygote died is `WorkerDied`, never a result."""

    async def work(task: Task) -> SandboxResult:
        try:
            result = await sandbox.run(task.job, task.limits)
        except SandboxError as error:
            raise WorkerDied(error.message) from error
        verdict = result.verdict
        if verdict.outcome is Outcome.SANDBOX_ERROR and verdict.retryable:
            raise WorkerDied(verdict.cause)
        return result

    return work


def over(sandbox: Sandbox, workers: int) -> Grader:
    """An executor over a sandbox that is open already and stays its owner's to close."""

    @asynccontextmanager
    async def builder() -> AsyncIterator[Worker[Task, SandboxResult]]:
        yield worker_of(sandbox)

    return LocalExecutor(builder, ExecutorConfig(workers=workers))


def local_grader(settings: Settings, workers: int) -> Grader:
    """An executor in this process with a sandbox of its own."""
    return LocalExecutor(_workers(settings, workers), ExecutorConfig(workers=workers))


def ray_grader(
    settings: Settings, workers: int, supervisors: int | None = None, *, cpus: float = 1.0
) -> Grader:
    """An executor over the Ray that this process has initialised, with `workers` per supervisor.

    `supervisors` None: one for each node. Each takes `cpus` of Ray's CPU tickets.
    """
    from qlayer.executor.ray import RayConfig, RayExecutor  # only where Ray was asked for: it is optional

    config = RayConfig(workers=workers, supervisors=supervisors, cpus=cpus)
    return RayExecutor(_workers(settings, workers), config)


def _workers(settings: Settings, workers: int) -> WorkerBuilder[Task, SandboxResult]:
    if "workers" not in type(settings.sandbox).model_fields:
        return SandboxWorkers(settings)
    sandbox = settings.sandbox.model_copy(update={"workers": workers})
    return SandboxWorkers(settings.model_copy(update={"sandbox": sandbox}))


@contextmanager
def own_ray(cpus: int) -> Iterator[None]:
    """A Ray of this process's own on loopback for as long as the context is open."""
    from qlayer.executor.ray import own_ray as ray_of_our_own  # as above

    with ray_of_our_own(cpus):
        yield


def result_of(result: SandboxResult | Quarantined) -> SandboxResult:
    """What an answer says, quarantine as a verdict of the platform's: it is never a pass."""
    if isinstance(result, SandboxResult):
        return result
    return SandboxResult(
        verdict=Verdict(
            outcome=Outcome.SANDBOX_ERROR,
            phase=Phase.RUN,
            cause=result.cause,
            attribution=Attribution.PLATFORM,
            retryable=False,
            evidence=Evidence(backend="executor", tier=Tier.NONE),
        )
    )
