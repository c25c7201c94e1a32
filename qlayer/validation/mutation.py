"""How much the trusted tests notice: the share of small wrong variants of a program that they refuse.

A program that passes tests which accept its mutants too is proved less than its pass says. Variants that
behave like the program cannot be noticed; no tests reach every mutant, so the bar for V4 is 60 %.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from qlayer.errors import SandboxError
from qlayer.sandbox.base import Limits, MiB, Sandbox
from qlayer.types.check import BootPlan, CasesPlan, CheckPlan
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome
from qlayer.validation.checks import run_check
from qlayer.validation.mutants import MAX_MUTANTS, Mutant, mutants

ENOUGH = 0.6
"""Share of killed mutants that level V4 asks for."""
LIMITS = Limits(wall_s=10.0, cpu_s=0.5, memory_bytes=256 * MiB)
"""For one mutant, beside what the program itself needs: a changed loop condition often never ends."""
PROJECT_LIMITS = Limits(wall_s=30.0, cpu_s=10.0, memory_bytes=768 * MiB)
"""For one mutant behind requests: a web framework's import alone may take what a call is given."""
_SLOWER = 5
"""Times the program's own CPU seconds that a mutant may take more."""
_SHOWN = 5


class MutationScore(Frozen):
    """What the trusted tests said of the mutants."""

    killed: int
    total: int
    survivors: tuple[Mutant, ...]
    """The first few that passed everything."""

    @property
    def share(self) -> float:
        """0 to 1; 0 when there was nothing to mutate, which proves nothing."""
        return self.killed / self.total if self.total else 0.0

    @property
    def enough(self) -> bool:
        return self.share >= ENOUGH


async def mutation_score(
    code: str,
    plans: Sequence[CheckPlan],
    place: Callable[[str], SourceTree | None],
    sandbox: Sandbox,
    *,
    limit: int = MAX_MUTANTS,
    seed: int = 0,
) -> MutationScore:
    """Run the trusted plans on every mutant of a slot's code.

    `place` puts code into the project; mutants that it refuses (None) are not counted. Raises `SandboxError`
    when the platform, not a mutant, failed.
    """
    original = place(code)
    if original is None:
        return MutationScore(killed=0, total=0, survivors=())
    trusted = [
        (plan, await _limits(plan, original, sandbox))
        for plan in plans
        if plan.trusted and not isinstance(plan, BootPlan)
    ]
    placed = [(mutant, place(mutant.code)) for mutant in mutants(code, limit=limit, seed=seed)]
    runnable = [(mutant, tree) for mutant, tree in placed if tree is not None]
    noticed = await asyncio.gather(*(_noticed(tree, trusted, sandbox) for _, tree in runnable))
    survivors = tuple(mutant for (mutant, _), killed in zip(runnable, noticed, strict=True) if not killed)
    return MutationScore(
        killed=len(runnable) - len(survivors), total=len(runnable), survivors=survivors[:_SHOWN]
    )


async def _limits(plan: CheckPlan, original: SourceTree, sandbox: Sandbox) -> Limits:
    """What a mutant is given for this plan: more than the program takes, however slow that is."""
    base = LIMITS if isinstance(plan, CasesPlan) else PROJECT_LIMITS
    taken = (await run_check(plan, original, sandbox)).usage
    more = {"cpu_s": base.cpu_s + _SLOWER * taken.cpu_s, "wall_s": base.wall_s + _SLOWER * taken.wall_s}
    return base.model_copy(update=more)


async def _noticed(tree: SourceTree, plans: Sequence[tuple[CheckPlan, Limits]], sandbox: Sandbox) -> bool:
    for plan, limits in plans:
        result = await run_check(plan, tree, sandbox, limits)
        if result.verdict.outcome in (Outcome.SANDBOX_ERROR, Outcome.NO_VERDICT):
            raise SandboxError(f"a mutant could not be judged: {result.verdict.cause}")
        if not result.ok:
            return True
    return False
