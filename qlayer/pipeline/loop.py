"""The only loop of the product: sample, compare, choose, repair, within a budget that is always in view.

For each slot of a project (LOOP.md; evidence and numbers in docs/decisions/0003-loop.md and 0006-waves.md):

1. One greedy sample. If every trusted check passes, it is confirmed by as many further samples as the policy
   wants to agree with it, and kept.
2. Else samples in waves, drawn side by side at a temperature; the rest of a wave is cancelled once a group
   of them passes everything and behaves alike (`wave`).
3. All that runs is run on the same inputs and grouped by behaviour; facts decide, not the model (`choose`).
   A tie is put to the person who watches, and the answer is a trusted example from then on (`asking`).
4. What still fails is repaired or written afresh, a bounded number of times, without regression (`mend`).
5. The best so far is kept, with the reason why the loop ended.

Tokens go where they pay: fresh samples and selection lift a small model most, repair fixes crashes. Every
answer, verdict and choice is a recorded step, and every decision follows from those, so a killed run goes on
where it was and asks for nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from qlayer.errors import BudgetExceeded
from qlayer.generation.base import Skeleton, Slot
from qlayer.pipeline.asking import Asker
from qlayer.pipeline.attempts import Examiner, run_in_order
from qlayer.pipeline.budget import Share
from qlayer.pipeline.choose import Chooser
from qlayer.pipeline.compare import Comparison
from qlayer.pipeline.journal import Journal
from qlayer.pipeline.mend import Mender
from qlayer.pipeline.policy import NOTHING, LoopPolicy
from qlayer.pipeline.refine import Refiner
from qlayer.pipeline.sampling import Sampler
from qlayer.pipeline.wave import Waves, accepts_alone, agreement_wanted
from qlayer.pipeline.work import Bench, Larger, Work
from qlayer.sandbox.base import Sandbox
from qlayer.types.check import CasesPlan, HttpPlan
from qlayer.types.run import SlotSettled
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec

__all__ = ["Loop", "reason", "run_in_order"]


@dataclass(frozen=True)
class Loop:
    """Fills one slot after the other."""

    sampler: Sampler
    sandbox: Sandbox
    journal: Journal
    policy: LoopPolicy
    spec: Spec
    skeleton: Skeleton
    seed: int = 0
    larger: Larger | None = None
    asker: Asker | None = None
    """Asks the person who watches; None when nobody does."""

    async def settle(self, slot: Slot, tree: SourceTree, slots_left: int) -> tuple[SlotSettled, SourceTree]:
        """Fill `slot` in `tree`; returns what was recorded and the tree that goes on.

        `slots_left` counts this one. Every slot gets its greedy sample while the budget lasts; further tries
        stop at an equal share of it, so that one hard slot does not starve the others. Raises `LLMError`,
        `SandboxError`, `StoreError`.
        """
        bench = self._bench(slots_left)
        work = Work(slot=slot, tree=tree, comparison=Comparison.of(slot, self.sandbox))
        ended = await self._sample(bench, work)
        ended = await self._choose(bench, work) or ended
        if ended is None and not (work.best is not None and work.best.solved):
            ended = await self._mend(bench, work)
        if self.policy.refine != NOTHING:
            ended = await self._refine(bench, work) or ended
        return await self._record(work, ended)

    async def _sample(self, bench: Bench, work: Work) -> str | None:
        """Steps 1 and 2; why the budget ended them."""
        waves = Waves(bench)
        try:
            greedy = await waves.greedy(work)
            cases = _judged_cases(work.slot)
            if accepts_alone(self.policy, greedy, cases, work.comparison.possible):
                work.best = greedy
            else:
                await waves.draw(work, agreement_wanted(self.policy, greedy, cases))
        except BudgetExceeded as error:
            return error.message
        return None

    async def _choose(self, bench: Bench, work: Work) -> str | None:
        """Step 3, again after every answer."""
        if work.best is not None:
            return None
        chooser = Chooser(bench)
        selected = await chooser.choose(work)
        while selected is not None and selected.tied and self.asker is not None:
            answered = await self.asker.settle(work, selected, bench.examiner)
            selected = await chooser.choose(work) if answered else None
        return None

    async def _mend(self, bench: Bench, work: Work) -> str:
        """Step 4; why it ended."""
        try:
            return await Mender(bench).mend(work)
        except BudgetExceeded as error:
            return error.message

    async def _refine(self, bench: Bench, work: Work) -> str | None:
        """Beside the steps, where the policy asks for it; why the budget ended it."""
        try:
            await Refiner(bench, self.policy.refine).refine(work)
        except BudgetExceeded as error:
            return error.message
        return None

    async def _record(self, work: Work, ended: str | None) -> tuple[SlotSettled, SourceTree]:
        """Step 5."""
        kept = work.best if work.best is not None and work.best.boots else None
        after = kept.tree if kept is not None and kept.tree is not None else work.tree

        async def make() -> SlotSettled:
            return SlotSettled(
                slot=work.slot.name,
                kept=kept.index if kept is not None else None,
                tree=after.digest,
                reason=reason(work, ended),
                solved=kept is not None and kept.solved,
            )

        inputs = [work.slot.name, after.digest, len(work.attempts)]
        return await self.journal.step("settle", inputs, SlotSettled, make), after

    def _bench(self, slots_left: int) -> Bench:
        most = Share(tokens=self.policy.tokens, seconds=self.policy.seconds)
        share = self.sampler.meter.share(slots_left, most=most)
        return Bench(
            sampler=self.sampler.within(share),
            greedy_sampler=self.sampler,
            examiner=Examiner(
                self.sandbox,
                self.journal,
                self.skeleton.boot,
                self.sampler.meter,
                autofix=self.policy.autofix,
            ),
            journal=self.journal,
            policy=self.policy,
            spec=self.spec,
            seed=self.seed,
            larger=self.larger,
        )


def reason(work: Work, ended: str | None) -> str:
    """Why the loop ended, as a sentence for people. Pure."""
    best = work.best
    if best is None:
        tried = len(work.attempts)
        nothing = f"none of {tried} tries runs" if tried else "nothing was tried"
        return f"{ended} ({nothing})" if ended else nothing
    if not best.solved:
        return f"{ended or 'nothing is left to try'} ({best.state})"
    parts = [_passed(best.total, _judged_cases(work.slot)), _agreement(work)]
    parts.append(ended if ended not in (None, "repaired") else "")
    return "; ".join(part for part in parts if part)


def _passed(checks: int, cases: int) -> str:
    if cases == 0:
        return "it loads; the request gives no example to test it by"
    return "the trusted check passes" if checks == 1 else f"all {checks} trusted checks pass"


def _agreement(work: Work) -> str:
    """How many of the samples that pass do what the kept one does."""
    if not work.selections or work.best is None:
        return ""
    chosen = work.selections[-1]
    passing = {facts.index for facts in chosen.facts if work.attempt(facts.index).solved}
    group = next((set(group) for group in chosen.groups if work.best.index in group), set[int]())
    if len(passing) < 2 or not group:
        return ""
    on = f" on {len(chosen.inputs)} inputs" if chosen.inputs else ""
    return f"{len(group & passing)} of {len(passing)} samples that pass do the same{on}"


def _judged_cases(slot: Slot) -> int:
    """Trusted cases that say something about behaviour."""
    plans = [plan for plan in slot.checks if plan.trusted and isinstance(plan, CasesPlan | HttpPlan)]
    return sum(case.expected is not None for plan in plans for case in plan.cases)
