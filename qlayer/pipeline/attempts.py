"""An attempt at a slot: the candidate made from an answer, and what its checks said, on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qlayer.generation.base import Slot
from qlayer.pipeline.budget import BudgetMeter
from qlayer.pipeline.journal import Journal
from qlayer.pipeline.sampling import make_candidate
from qlayer.sandbox.base import Sandbox
from qlayer.types.candidate import Candidate
from qlayer.types.check import CheckPlan, CheckResult
from qlayer.types.ids import Digest, digest_of
from qlayer.types.run import Checked, Sampled
from qlayer.types.source import SourceTree
from qlayer.validation.checks import run_check
from qlayer.validation.feedback import Failure, failed_cases, first_failure


@dataclass(frozen=True)
class Attempt:
    """One try at a slot: the candidate, the project with it, and what its checks said."""

    index: int
    candidate: Candidate
    tree: SourceTree | None
    checks: tuple[CheckResult, ...]
    passed: int
    total: int

    @property
    def solved(self) -> bool:
        return self.tree is not None and bool(self.checks) and all(c.ok for c in self.checks if c.trusted)

    @property
    def boots(self) -> bool:
        """Whether the project still starts with this filling: the first check is the boot check."""
        return self.tree is not None and bool(self.checks) and self.checks[0].ok

    @property
    def failure(self) -> Failure | None:
        return first_failure(self.candidate.diagnoses, self.checks)

    @property
    def program(self) -> Digest:
        """Equal for programs that differ in layout only."""
        return self.candidate.ast_digest or digest_of(self.candidate.code)

    @property
    def state(self) -> str:
        return f"{self.passed} of {self.total} trusted checks pass"

    def improves_on(self, best: Attempt) -> bool:
        """More passes, and nothing that passed before fails now."""
        lost = failed_cases(self.checks) - failed_cases(best.checks) if best.boots else set[str]()
        return (self.boots, self.passed) > (best.boots, best.passed) and not lost


@dataclass(frozen=True)
class Examiner:
    """Makes candidates out of answers and checks them, each program once."""

    sandbox: Sandbox
    journal: Journal
    boot: tuple[CheckPlan, ...]
    meter: BudgetMeter | None = None
    """Once its seconds are used up, nothing beyond a slot's first candidate is checked any more."""
    autofix: bool = True

    async def examine(
        self, sampled: Sampled, text: str, slot: Slot, tree: SourceTree, known: Sequence[Attempt]
    ) -> Attempt:
        """The attempt that an answer is. A program that one of `known` is already takes over its checks.

        `tree` is the project without the slot's filling. Raises `BudgetExceeded`, `SandboxError`.
        """
        candidate, filled = make_candidate(sampled, text, slot, tree, fix=self.autofix)
        return await self._checked(sampled.attempt, candidate, filled, slot, known)

    async def again(self, attempt: Attempt, slot: Slot, known: Sequence[Attempt]) -> Attempt:
        """The same candidate under the checks that the slot has now, even late. Raises `SandboxError`."""
        return await replace(self, meter=None)._checked(
            attempt.index, attempt.candidate, attempt.tree, slot, known
        )

    async def _checked(
        self,
        index: int,
        candidate: Candidate,
        filled: SourceTree | None,
        slot: Slot,
        known: Sequence[Attempt],
    ) -> Attempt:
        plans = (*self.boot, *slot.checks)

        async def make() -> Checked:
            twin = _twin(candidate, known)
            checks: tuple[CheckResult, ...] = ()
            if twin is not None:
                checks = twin.checks
            elif filled is not None:
                if known and self.meter is not None:
                    self.meter.check_seconds()
                checks = await run_in_order(plans, filled, self.sandbox)
            return Checked(
                slot=slot.name,
                attempt=index,
                candidate=candidate,
                checks=checks,
                passed=sum(check.passed for check in checks if check.trusted),
                total=sum(map(trusted_cases, plans)),
                same_as=twin.index if twin is not None else None,
            )

        inputs = [slot.name, index, candidate, list(plans)]
        checked = await self.journal.step("check", inputs, Checked, make)
        return Attempt(index, candidate, filled, checked.checks, checked.passed, checked.total)


def _twin(candidate: Candidate, known: Sequence[Attempt]) -> Attempt | None:
    """The first that is the same program and was run."""
    if candidate.ast_digest is None or not candidate.runnable:
        return None
    return next((one for one in known if one.program == candidate.ast_digest and one.checks), None)


async def run_in_order(
    plans: tuple[CheckPlan, ...], tree: SourceTree, sandbox: Sandbox
) -> tuple[CheckResult, ...]:
    """Run checks one after the other; when the project does not boot, the rest is not run."""
    results: list[CheckResult] = []
    for plan in plans:
        result = await run_check(plan, tree, sandbox)
        results.append(result)
        if plan.kind == "boot" and not result.ok:
            break
    return tuple(results)


def trusted_cases(plan: CheckPlan) -> int:
    """How many trusted cases a plan holds; a boot plan counts as one."""
    if not plan.trusted:
        return 0
    match plan.kind:
        case "boot":
            return 1
        case "pytest":
            return len(plan.expected_tests)
        case "program":
            return max(1, len(plan.expected_tests))
        case _:
            return len(plan.cases)
