"""Judging with hidden tests, for scoring only: whatever is judged here was settled before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from jobs.benchmarks import Task
from qlayer.errors import SandboxError
from qlayer.generation.base import Slot
from qlayer.sandbox.base import Limits, Sandbox, SplitJob
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome, Verdict

SCORING_LIMITS = Limits(wall_s=90.0, cpu_s=15.0, idle_s=30.0)
"""For hidden tests; the slowest canonical HumanEval solution needs under two CPU seconds. The wall is far off
so that an endless loop meets the CPU's limit also on a busy host, where a wall would decide nothing."""
_TRIES = 3
_UNDECIDED = (Outcome.SANDBOX_ERROR, Outcome.NO_VERDICT)


async def hidden_outcome(task: Task, slot: Slot, tree: SourceTree, sandbox: Sandbox) -> Outcome:
    """The hidden tests of a task on a finished project. Raises `SandboxError`."""
    job = SplitJob(tree=tree, module=slot.module, function=task.entry_point, tests=task.tests)

    async def judge() -> Verdict:
        return (await sandbox.run(job, SCORING_LIMITS)).verdict

    return await decided(task.id, judge)


async def decided(name: str, judge: Callable[[], Awaitable[Verdict]]) -> Outcome:
    """What `judge` says about the program; it is asked again where only the platform broke.

    Raises `SandboxError` when it broke every time: a score is never guessed.
    """
    for _ in range(_TRIES):
        verdict = await judge()
        if verdict.outcome not in _UNDECIDED:
            return verdict.outcome
    raise SandboxError(f"{name} could not be judged: {verdict.cause}")
