"""The proof of each slot once the loop is done with it, as a recorded step.

All it needs is in the record: the candidates and what their checks said. They are put into the project as it
was before the slot was filled, so every slot is compared in the same surroundings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qlayer.generation.base import Slot
from qlayer.generation.splice import fill
from qlayer.pipeline.journal import Journal
from qlayer.sandbox.base import Sandbox
from qlayer.types.choice import Answered, answers_plans
from qlayer.types.proof import InputKind, SlotProof
from qlayer.types.run import AttemptKind, Checked, Proved, RunRecord, Sampled, SlotSettled
from qlayer.types.source import SourceTree
from qlayer.validation.decision import proves_behaviour
from qlayer.validation.proof import Subject, prove

_NOT_OF_THEIR_OWN = (AttemptKind.REPAIR, AttemptKind.REFINE)
"""The model saw the program that it is to agree with."""


@dataclass(frozen=True)
class Samples:
    """What was drawn for one slot."""

    kept: Checked | None
    passing: tuple[Checked, ...]
    """The others that pass all trusted tests, earliest first. A repair is no sample of its own."""
    drawn: int
    """Samples of their own, the kept one included in any case."""


@dataclass(frozen=True)
class Prover:
    """Proves what the loop kept. Raises `SandboxError` when the platform failed."""

    sandbox: Sandbox
    journal: Journal

    async def prove(self, slot: Slot, before: SourceTree, settled: SlotSettled) -> SlotProof:
        """`before` is the project without the slot's filling."""
        record = await self.journal.record()
        slot, samples = answered(slot, record), samples_of(record, settled)

        async def make() -> Proved:
            return Proved(tree=settled.tree, proof=await self._proof(slot, before, settled, samples))

        codes = [checked.candidate.code for checked in samples.passing]
        inputs = [slot.name, before.digest, settled.tree, settled.kept, codes, samples.drawn]
        return (await self.journal.step("prove", inputs, Proved, make)).proof

    async def _proof(
        self, slot: Slot, before: SourceTree, settled: SlotSettled, samples: Samples
    ) -> SlotProof:
        why_not = _why_not(slot, settled, samples)
        if why_not is not None or samples.kept is None:
            reasons = (why_not,) if why_not is not None else ()
            return SlotProof(slot=slot.name, inputs=InputKind.NONE, samples=samples.drawn, reasons=reasons)
        subject = Subject(
            slot=slot.name,
            module=slot.module,
            signature=slot.signature,
            brief=slot.brief,
            examples=slot.examples,
            checks=slot.checks,
        )

        def place(code: str) -> SourceTree | None:
            return fill(before, slot, code)

        others = [checked.candidate.code for checked in samples.passing]
        return await prove(subject, samples.kept.candidate.code, others, samples.drawn, place, self.sandbox)


def samples_of(record: RunRecord, settled: SlotSettled) -> Samples:
    """The slot's samples as far as they were checked. Pure."""
    bodies = [event.body for event in record.events]
    own = {
        body.attempt
        for body in bodies
        if isinstance(body, Sampled)
        and body.slot == settled.slot
        and body.attempt_kind not in _NOT_OF_THEIR_OWN
    }
    checked = {b.attempt: b for b in bodies if isinstance(b, Checked) and b.slot == settled.slot}
    kept = checked.get(settled.kept) if settled.kept is not None else None
    others = [body for attempt, body in sorted(checked.items()) if attempt in own and body is not kept]
    passing = tuple(body for body in others if _passes(_judged(body, checked)))
    return Samples(kept=kept, passing=passing, drawn=len(others) + (kept is not None))


def _judged(body: Checked, checked: Mapping[int, Checked]) -> Checked:
    """The attempt whose checks count for this one: its own, or those of the same program before it."""
    return body if body.same_as is None else checked.get(body.same_as, body)


def _passes(checked: Checked) -> bool:
    trusted = [check for check in checked.checks if check.trusted]
    return checked.candidate.runnable and bool(trusted) and all(check.ok for check in trusted)


def answered(slot: Slot, record: RunRecord) -> Slot:
    """The slot with what a person answered during the run: one more trusted test. Pure."""
    bodies = [event.body for event in record.events]
    answers = [body for body in bodies if isinstance(body, Answered) and body.slot == slot.name]
    plan = answers_plans(answers, {slot.name: slot.module}).get(slot.name)
    return slot if plan is None else slot.model_copy(update={"checks": (*slot.checks, plan)})


def _why_not(slot: Slot, settled: SlotSettled, samples: Samples) -> str | None:
    """Why nothing beyond the trusted tests is tried; None when it is worth it."""
    if samples.kept is None:
        return "nothing was kept, so there is nothing to prove"
    if not any(map(proves_behaviour, slot.checks)):
        return "no trusted test exercises it, so nothing more was tried"
    return None if settled.solved else "it fails trusted tests, so nothing more was tried"
