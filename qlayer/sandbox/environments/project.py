"""A project's run gets the packages that its lock names, or the verdict that there can be none."""

from __future__ import annotations

from qlayer.errors import DependencyError, IndexUnavailable
from qlayer.sandbox.base import (
    InteractiveJob,
    Limits,
    ProgramJob,
    Sandbox,
    SandboxInfo,
    SandboxJob,
    SandboxResult,
)
from qlayer.sandbox.environments.base import EnvironmentId, Environments, Progress
from qlayer.sandbox.environments.parse import find_lock
from qlayer.types.language import Language
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Attribution, Evidence, Outcome, Phase, Verdict


async def prepare_for(
    environments: Environments, tree: SourceTree, progress: Progress | None = None
) -> EnvironmentId | None:
    """What to put into a job's `environment`: None when the project has no lock, or an empty one.

    Raises what `Environments.prepare` raises; see `unprepared` for the two that are results of a run.
    """
    lock = find_lock(tree)
    return await environments.prepare(lock, progress) if lock is not None and lock.pins else None


def unprepared(error: DependencyError | IndexUnavailable, info: SandboxInfo) -> SandboxResult:
    """The result of a project whose packages cannot be had. Nothing of it was run."""
    judged = isinstance(error, DependencyError)
    limit = error.limit if isinstance(error, DependencyError) else None
    verdict = Verdict(
        outcome=Outcome.DEPENDENCY_ERROR if judged else Outcome.SANDBOX_ERROR,
        phase=Phase.DEPS,
        cause=error.message + (f" (limit: {limit})" if limit else ""),
        attribution=Attribution.PROGRAM if judged else Attribution.PLATFORM,
        retryable=error.retryable,
        evidence=Evidence(backend=info.backend, tier=info.tier, limit=limit),
    )
    return SandboxResult(verdict=verdict)


class ProvisionedSandbox:
    """A sandbox whose jobs see the packages of their tree's lock, prepared when first asked for.

    The sandbox inside stays its owner's to enter and to leave.
    """

    def __init__(self, inner: Sandbox, environments: Environments) -> None:
        self._inner = inner
        self._environments = environments

    @property
    def info(self) -> SandboxInfo:
        return self._inner.info

    async def run(self, job: SandboxJob, limits: Limits | None = None) -> SandboxResult:
        """See `Sandbox.run`; also raises `ConfigurationError` and `StoreFull` of `Environments.prepare`."""
        if isinstance(job, InteractiveJob) or job.environment is not None or not _is_python(job):
            return await self._inner.run(job, limits)
        try:
            environment = await prepare_for(self._environments, job.tree)
        except (DependencyError, IndexUnavailable) as error:
            return unprepared(error, self.info)
        if environment is not None:
            job = job.model_copy(update={"environment": environment})
        return await self._inner.run(job, limits)

    async def __aenter__(self) -> ProvisionedSandbox:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


def _is_python(job: SandboxJob) -> bool:
    return not isinstance(job, ProgramJob) or job.language is Language.PYTHON
