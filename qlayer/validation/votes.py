"""Votes for candidates: how many of a model's own asserts each one satisfies.

An assert that most candidates contradict says more about the model's arithmetic than about them, and one that
all satisfy tells none apart. So votes only ever compare candidates; what an assert is worth is decided by
`selection`, and nothing here accepts or refuses a program.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from qlayer.sandbox.base import Sandbox, ValuesJob
from qlayer.types.check import Case
from qlayer.types.verdict import Outcome
from qlayer.validation.behaviour import LIMITS, Program


async def ballots(
    programs: Sequence[Program], cases: Sequence[Case], sandbox: Sandbox
) -> tuple[tuple[bool, ...], ...]:
    """For each program which cases hold, in their order. Raises `SandboxError`."""
    if not cases:
        return ((),) * len(programs)
    return tuple(await asyncio.gather(*(_ballot(program, cases, sandbox) for program in programs)))


async def count_votes(
    programs: Sequence[Program], cases: Sequence[Case], sandbox: Sandbox
) -> tuple[int, ...]:
    """How many of the cases hold for each program. Raises `SandboxError`."""
    return tuple(sum(ballot) for ballot in await ballots(programs, cases, sandbox))


async def _ballot(program: Program, cases: Sequence[Case], sandbox: Sandbox) -> tuple[bool, ...]:
    """Each call in a process of its own, so that one which hangs or breaks costs only its own vote."""
    named = tuple(case.model_copy(update={"name": str(number)}) for number, case in enumerate(cases))
    job = ValuesJob(tree=program.tree, module=program.module, cases=named, fresh_process=True)
    result = await sandbox.run(job, LIMITS)
    holds = {case.name for case in result.cases if case.outcome is Outcome.ACCEPTED}
    return tuple(case.name in holds for case in named)
