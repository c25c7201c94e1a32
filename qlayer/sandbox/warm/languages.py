"""Carries out jobs of other languages and interactive pairs: finds the tools, builds, runs, judges."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from qlayer.sandbox import runtimes
from qlayer.sandbox.base import InteractiveJob, Limits, ProgramJob, SandboxResult
from qlayer.sandbox.runtimes import Toolchain, ToolchainMissing
from qlayer.sandbox.warm import judge, tools
from qlayer.sandbox.warm.artefacts import ArtefactCache
from qlayer.sandbox.warm.grade import build
from qlayer.sandbox.warm.observation import Observation
from qlayer.sandbox.warm.plan import Plan, Rejected
from qlayer.sandbox.warm.tools import Artefacts
from qlayer.types.language import Language
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Attribution, Evidence

Observe = Callable[[Plan, Limits], Awaitable[Observation]]
"""One run on a zygote for tools."""


class _NotBuilt(Exception):
    """The program has no artefacts to run; the result says why."""

    def __init__(self, result: SandboxResult) -> None:
        super().__init__()
        self.result = result


class Languages:
    """Builds and runs with one cache of artefacts. Safe for several jobs at once."""

    def __init__(self, cache: ArtefactCache) -> None:
        self._cache = cache

    async def run(
        self, job: ProgramJob | InteractiveJob, limits: Limits, evidence: Evidence, observe: Observe
    ) -> SandboxResult:
        """The result of the job. Raises `SandboxError` as `observe` does."""
        try:
            if isinstance(job, InteractiveJob):
                return await self._pair(job, limits, evidence, observe)
            return await self._program(job, limits, evidence, observe)
        except Rejected as error:
            return judge.refused(str(error), evidence)
        except ToolchainMissing as missing:
            return judge.refused(str(missing), evidence, attribution=Attribution.PLATFORM)
        except _NotBuilt as stopped:
            return stopped.result

    async def _program(
        self, job: ProgramJob, limits: Limits, evidence: Evidence, observe: Observe
    ) -> SandboxResult:
        if job.environment is not None:
            raise Rejected("environment: prepared packages are for Python")
        toolchain, evidence = await _toolchain(job.tree, job.path, job.language, evidence)
        artefacts = await self._built(toolchain, job.tree, job.path, evidence, observe)
        plan = tools.run_plan(toolchain, job, artefacts, limits)
        return judge.judge(job, plan, await observe(plan, limits), evidence)

    async def _pair(
        self, job: InteractiveJob, limits: Limits, evidence: Evidence, observe: Observe
    ) -> SandboxResult:
        judging, _ = await _toolchain(job.interactor, job.interactor_path, job.interactor_language, evidence)
        toolchain, evidence = await _toolchain(job.tree, job.path, job.language, evidence)
        try:
            first = await self._built(judging, job.interactor, job.interactor_path, evidence, observe)
        except _NotBuilt as stopped:
            raise _NotBuilt(judge.blame_tests(stopped.result)) from None
        artefacts = await self._built(toolchain, job.tree, job.path, evidence, observe)
        plan = tools.pair_plan((toolchain, artefacts), (judging, first), job, limits)
        return judge.judge(job, plan, await observe(plan, limits), evidence)

    async def _built(
        self, toolchain: Toolchain, tree: SourceTree, path: str, evidence: Evidence, observe: Observe
    ) -> Artefacts:
        """From the cache, or made now. Raises `_NotBuilt`."""
        plan, step = tools.build_plan(toolchain, tree, path), toolchain.runtime.build
        if plan is None or step is None:
            return {}
        key = tools.build_key(toolchain, plan)
        kept = await asyncio.to_thread(self._cache.get, key)
        if kept is not None:
            return kept
        seen = await observe(plan, step.limits)
        found = build.grade(plan.job.nonce, seen, artefacts=step.artefacts)
        if found:
            raise _NotBuilt(judge.not_built(found, seen, evidence))
        made = {file.path.partition("/")[2]: file.data for file in seen.collected.files}
        await asyncio.to_thread(self._cache.put, key, made)
        return made


async def _toolchain(
    tree: SourceTree, path: str, language: Language, evidence: Evidence
) -> tuple[Toolchain, Evidence]:
    """Raises `Rejected` or `ToolchainMissing`."""
    tools.check(tree, path)
    toolchain = await asyncio.to_thread(runtimes.find, language)
    return toolchain, evidence.model_copy(update={"runtime": toolchain.label, "hash_seed": None})
