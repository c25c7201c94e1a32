"""What a project's run needs of its packages: the prepared set, or the verdict that there can be none."""

from __future__ import annotations

from qlayer.errors import DependencyError
from qlayer.sandbox.base import SandboxInfo, SandboxResult
from qlayer.sandbox.environments.base import EnvironmentId, Environments, Progress
from qlayer.sandbox.environments.parse import find_lock
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Attribution, Evidence, Outcome, Phase, Verdict


async def prepare_for(
    environments: Environments, tree: SourceTree, progress: Progress | None = None
) -> EnvironmentId | None:
    """What to put into a job's `environment`: None when the project has no lock, or an empty one.

    Raises what `Environments.prepare` raises; see `dependency_error` for the one that judges the project.
    """
    lock = find_lock(tree)
    return await environments.prepare(lock, progress) if lock is not None and lock.pins else None


def dependency_error(error: DependencyError, info: SandboxInfo) -> SandboxResult:
    """The result of a project whose lock cannot be had as it says. Nothing of it was run."""
    limit = f" (limit: {error.limit})" if error.limit else ""
    verdict = Verdict(
        outcome=Outcome.DEPENDENCY_ERROR,
        phase=Phase.DEPS,
        cause=error.message + limit,
        attribution=Attribution.PROGRAM,
        evidence=Evidence(backend=info.backend, tier=info.tier, limit=error.limit),
    )
    return SandboxResult(verdict=verdict)
