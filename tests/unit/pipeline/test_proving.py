"""After a slot is settled its proof is a recorded step, and the decision and the manifest rest on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from test_pipeline import RIGHT, WRONG, World, bodies

from qlayer.generation.base import Slot
from qlayer.packaging.manifest import build_manifest
from qlayer.pipeline.policy import LoopPolicy
from qlayer.pipeline.proving import answered, samples_of
from qlayer.types.check import CasesPlan, Level
from qlayer.types.choice import Answered
from qlayer.types.ids import RunId
from qlayer.types.proof import InputKind
from qlayer.types.run import Assessed, Checked, Decided, Proved, RunEvent, RunRecord, Sampled, SlotSettled

CONFIRMED = LoopPolicy(confirm=2, waves=(3,), soft_asserts=False)
RIGHT_TOO = "```python\ndef add(a: int, b: int) -> int:\n    return sum([a, b])\n```"


async def test_samples_that_agree_lift_a_right_program_above_its_tests() -> None:
    world = World([RIGHT, RIGHT_TOO, RIGHT, RIGHT_TOO], policy=CONFIRMED)
    record = await world.run()
    (proved,) = bodies(record, Proved)
    assert proved.proof.inputs is InputKind.CALLS and proved.proof.used >= 50
    assert proved.proof.candidates >= 2 and set(proved.proof.agreements) == {1.0}
    manifest, _ = await world.capsules.load(record.capsule)
    assert manifest.proofs == (proved.proof,)
    assert manifest.decision.level is Level.V4 and manifest.decision.allow
    assert any("samples that pass the tests agree on" in why for why in manifest.decision.reasons)
    assert (await world.capsules.verify(record.capsule)).ok


async def test_what_fails_its_tests_is_not_proved_further() -> None:
    world = World(lambda _: WRONG)
    record = await world.run()
    (proved,) = bodies(record, Proved)
    assert (proved.proof.inputs, proved.proof.mutants) == (InputKind.NONE, 0)
    assert proved.proof.reasons == ("it fails trusted tests, so nothing more was tried",)
    (decided,) = bodies(record, Decided)
    assert decided.decision.level is Level.V1


async def test_the_assessment_is_recorded_and_in_the_manifest() -> None:
    world = World(lambda _: RIGHT)
    record = await world.run()
    (assessed,) = bodies(record, Assessed)
    manifest, tree = await world.capsules.load(record.capsule)
    assert manifest.assessment == assessed.assessment and assessed.tree == tree.digest
    assert [(one.name, one.complexity) for one in assessed.assessment.functions] == [("add", 1)]
    (cost,) = assessed.assessment.costs
    assert (cost.slot, cost.check, len(cost.cases)) == ("add", "examples", 2)


async def test_a_record_without_these_steps_still_makes_a_manifest() -> None:
    """As runs of earlier versions have it."""
    world = World(lambda _: RIGHT)
    record = await world.run()
    events = tuple(event for event in record.events if not isinstance(event.body, Proved | Assessed))
    manifest, tree = await world.capsules.load(record.capsule)
    old = build_manifest(
        RunRecord(id=record.id, events=events),
        tree=tree,
        model=manifest.model,
        qlayer_version="0.1.0",
        created_at=manifest.created_at,
    )
    assert (old.proofs, old.assessment) == ((), None)
    assert "proofs" not in old.model_dump() and "assessment" not in old.model_dump()


def changed(record: Any, **changes: Any) -> RunRecord:
    """The record with every `Checked` event changed."""
    return RunRecord(
        id=record.id,
        events=tuple(
            event.model_copy(update={"body": event.body.model_copy(update=changes)})
            if isinstance(event.body, Checked)
            else event
            for event in record.events
        ),
    )


async def test_only_samples_of_their_own_that_pass_are_compared() -> None:
    world = World([RIGHT, RIGHT_TOO, RIGHT, RIGHT_TOO], policy=CONFIRMED)
    record = await world.run()
    (settled,) = bodies(record, SlotSettled)
    samples = samples_of(record, settled)
    assert samples.drawn == len(bodies(record, Sampled)) == 1 + len(samples.passing)
    assert samples_of(changed(record, checks=()), settled).passing == (), "none was seen to pass"


def test_an_answer_given_during_the_run_is_one_more_trusted_test() -> None:
    slot = Slot(name="add", path="m.py", module="m", signature="def add(a, b)", brief="")
    said = [Answered(slot=name, function="add", args="(1, 2)", expected="3") for name in ("add", "other")]
    events = tuple(
        RunEvent(run_id=RunId("run-1"), seq=number, at=datetime(2026, 1, 1, tzinfo=UTC), body=body)
        for number, body in enumerate(said, 1)
    )
    (plan,) = answered(slot, RunRecord(id=RunId("run-1"), events=events)).checks
    assert isinstance(plan, CasesPlan) and plan.trusted
    assert [case.args for case in plan.cases] == ["(1, 2)"]
