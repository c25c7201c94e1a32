"""The only loop of the product: sample, check, and try again with what was learned, within bounds.

One greedy sample first. While a trusted check fails, the next try is either a *repair* (a crash: the model
sees its program and the error, and gives the whole function back) or a *resample* (a wrong answer: a fresh
program with the failing example in view). A try replaces the best so far only when it passes more and breaks
nothing that passed; else the best stays (roll back). The loop ends when all passes, when the model repeats
itself, or when a bound is reached, and says which. Evidence for these choices: docs/decisions/0003-loop.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qlayer.errors import BudgetExceeded
from qlayer.generation.base import Skeleton, Slot
from qlayer.generation.prompt import greedy_prompt
from qlayer.generation.repair import crash_prompt, error_signature, resample_prompt
from qlayer.pipeline.journal import Journal
from qlayer.pipeline.policy import LoopPolicy
from qlayer.pipeline.sampling import Ask, Sampler, make_candidate
from qlayer.sandbox.base import Sandbox
from qlayer.types.candidate import Candidate, Sampling
from qlayer.types.check import CheckPlan, CheckResult
from qlayer.types.ids import Digest
from qlayer.types.run import AttemptKind, Checked, SlotSettled
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec
from qlayer.validation.checks import run_check
from qlayer.validation.feedback import Failure, failed_cases, first_failure


@dataclass(frozen=True)
class Attempt:
    """One try at a slot: the candidate, the project with it, and what its checks said."""

    index: int
    kind: AttemptKind
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

    def improves_on(self, best: Attempt) -> bool:
        """More passes, and nothing that passed before fails now."""
        lost = failed_cases(self.checks) - failed_cases(best.checks) if best.boots else set[str]()
        return (self.boots, self.passed) > (best.boots, best.passed) and not lost


@dataclass
class Tries:
    """What was tried so far, and what that leaves to try."""

    policy: LoopPolicy
    repairs: int = 0
    resamples: int = 0
    repeats: int = 0
    programs: set[Digest] = field(default_factory=set)
    errors_sent: set[str] = field(default_factory=set)

    def note(self, candidate: Candidate) -> None:
        """Count an answer that had been given before."""
        if candidate.ast_digest is not None and candidate.ast_digest in self.programs:
            self.repeats += 1
            return
        self.repeats = 0
        if candidate.ast_digest is not None:
            self.programs.add(candidate.ast_digest)

    def next_kind(self, best: Attempt) -> AttemptKind | None:
        """Repair a crash that the model has not been shown yet, else resample, else nothing is left."""
        failure = best.failure
        if failure is not None and failure.is_crash and self.repairs < self.policy.max_repairs:
            shown = error_signature(failure, best.candidate)
            if shown not in self.errors_sent:
                self.errors_sent.add(shown)
                self.repairs += 1
                return AttemptKind.REPAIR
        if self.resamples < self.policy.max_resamples:
            self.resamples += 1
            return AttemptKind.RESAMPLE
        return None


@dataclass(frozen=True)
class Loop:
    """Fills one slot after the other. All it decides is recorded, so a killed run goes on where it was."""

    sampler: Sampler
    sandbox: Sandbox
    journal: Journal
    policy: LoopPolicy
    spec: Spec
    skeleton: Skeleton

    async def settle(self, slot: Slot, tree: SourceTree, slots_left: int) -> tuple[SlotSettled, SourceTree]:
        """Fill `slot` in `tree`; returns what was recorded and the tree that goes on.

        `slots_left` counts this one. Every slot gets its greedy sample while the budget lasts; further tries
        stop at an equal share of it, so that one hard slot does not starve the others.
        """
        tries = Tries(self.policy)
        share = self.sampler.meter.share(slots_left)
        best: Attempt | None = None
        kind: AttemptKind | None = AttemptKind.GREEDY
        tried, reason = 0, ""
        try:
            while kind is not None:
                attempt = await self._attempt(slot, tree, tried, kind, best)
                tried += 1
                tries.note(attempt.candidate)
                if best is None or attempt.improves_on(best):
                    best = attempt
                reason = _stop_reason(best, tries) or ""
                if not reason and self.sampler.meter.exceeds(share):
                    reason = f"its share of the budget is used up ({_state(best)})"
                kind = tries.next_kind(best) if not reason else None
            reason = reason or f"{tried} tries did not solve it ({_state(best)})"
        except BudgetExceeded as error:
            reason = f"{error.message} ({_state(best)})" if best is not None else error.message
        kept = best if best is not None and best.boots else None
        after = kept.tree if kept is not None and kept.tree is not None else tree
        settled = await self._record(slot, kept, after, reason, tried)
        return settled, after

    async def _record(
        self, slot: Slot, kept: Attempt | None, after: SourceTree, reason: str, tried: int
    ) -> SlotSettled:
        async def make() -> SlotSettled:
            return SlotSettled(
                slot=slot.name,
                kept=kept.index if kept is not None else None,
                tree=after.digest,
                reason=reason,
                solved=kept is not None and kept.solved,
            )

        settled = await self.journal.step("settle", [slot.name, after.digest, tried], SlotSettled, make)
        return settled

    async def _attempt(
        self, slot: Slot, tree: SourceTree, index: int, kind: AttemptKind, best: Attempt | None
    ) -> Attempt:
        ask = self._ask(slot, index, kind, best)
        sampled, text = await self.sampler.sample(ask)
        candidate, filled = make_candidate(sampled, text, slot, tree)
        plans = (*self.skeleton.boot, *slot.checks)

        async def make() -> Checked:
            checks = await run_in_order(plans, filled, self.sandbox) if filled is not None else ()
            return Checked(
                slot=slot.name,
                attempt=index,
                candidate=candidate,
                checks=checks,
                passed=sum(check.passed for check in checks if check.trusted),
                total=sum(trusted_cases(plan) for plan in plans),
            )

        inputs = [slot.name, index, sampled.completion, tree.digest]
        checked = await self.journal.step("check", inputs, Checked, make)
        return Attempt(index, kind, checked.candidate, filled, checked.checks, checked.passed, checked.total)

    def _ask(self, slot: Slot, index: int, kind: AttemptKind, best: Attempt | None) -> Ask:
        greedy = Sampling(max_tokens=self.policy.sample_tokens)
        failure = best.failure if best is not None else None
        if kind is AttemptKind.GREEDY or best is None:
            return Ask(slot, index, kind, greedy_prompt(slot, self.spec), greedy)
        if kind is AttemptKind.REPAIR and failure is not None:
            messages = crash_prompt(slot, self.spec, best.candidate.code, failure)
            return Ask(slot, index, kind, messages, greedy)
        sampling = greedy.model_copy(
            update={
                "temperature": self.policy.resample_temperature,
                "top_p": self.policy.resample_top_p,
                "seed": index,
            }
        )
        return Ask(slot, index, kind, resample_prompt(slot, self.spec, failure, index), sampling)


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
        case _:
            return len(plan.cases)


def _stop_reason(best: Attempt, tries: Tries) -> str | None:
    """Why the loop stops here; None: it goes on."""
    if best.solved:
        return f"all {best.total} trusted checks pass"
    if tries.repeats >= tries.policy.max_repeats:
        return f"stuck: the model repeats a program it gave before ({_state(best)})"
    return None


def _state(best: Attempt | None) -> str:
    return f"{best.passed} of {best.total} trusted checks pass" if best is not None else "nothing was tried"
