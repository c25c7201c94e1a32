"""A person's acceptance: revalidated, packed as a new capsule at V5, and withdrawn by an edit."""

from __future__ import annotations

import pytest
from test_editing import AT, GOOD, edit, made_by
from test_pipeline import RIGHT, WRONG, World

from qlayer.errors import ConflictError, InputError
from qlayer.pipeline.accepting import Accepting, AcceptRequest, AcceptResult
from qlayer.sandbox.base import SandboxJob, SandboxResult
from qlayer.sandbox.fake import FakeSandbox, result_of
from qlayer.store.fake import FakeMemories
from qlayer.types.check import Level
from qlayer.types.ids import CapsuleId
from qlayer.types.verdict import Outcome


async def accept(world: World, capsule: CapsuleId, who: str = "ada", note: str = "") -> AcceptResult:
    accepting = Accepting(world.capsules, world.sandbox, lambda: AT)
    async with world.sandbox:
        return await accepting.accept(AcceptRequest(capsule=capsule, who=who, note=note))


async def test_an_accepted_capsule_is_another_one_at_v5_with_the_same_files() -> None:
    world = World(lambda _: RIGHT)
    parent = await made_by(world)
    result = await accept(world, parent, note="read it line by line")
    before, files = await world.capsules.load(parent)
    after, same_files = await world.capsules.load(result.capsule)
    assert (after.parent, same_files) == (parent, files)
    assert after.decision.level is Level.V5 and after.decision.allow
    assert after.acceptance is not None
    assert (after.acceptance.who, after.acceptance.note) == ("ada", "read it line by line")
    assert after.acceptance.level is before.decision.level and before.acceptance is None
    assert any("ada accepted it and says: read it line by line" in why for why in after.decision.reasons)
    assert (await world.capsules.verify(result.capsule)).ok


async def test_it_is_refused_when_its_checks_fail() -> None:
    world = World(lambda _: WRONG)
    with pytest.raises(InputError, match="does not pass its own checks: examples"):
        await accept(world, await made_by(world))


async def test_the_checks_are_really_run_again() -> None:
    world = World(lambda _: RIGHT)
    parent = await made_by(world)

    def broken_since(job: SandboxJob) -> SandboxResult:
        return result_of(job, Outcome.RUNTIME_ERROR, "the interpreter changed")

    world.sandbox = FakeSandbox(broken_since)
    with pytest.raises(InputError, match="the interpreter changed"):
        await accept(world, parent)


async def test_twice_is_a_conflict_and_nobody_is_nobody() -> None:
    world = World(lambda _: RIGHT)
    parent = await made_by(world)
    result = await accept(world, parent)
    with pytest.raises(ConflictError, match="ada accepted this capsule already"):
        await accept(world, result.capsule, who="bob")
    with pytest.raises(InputError, match="say who"):
        await accept(world, parent, who="  ")


async def test_an_edit_leaves_neither_the_acceptance_nor_the_proofs() -> None:
    world = World(lambda _: RIGHT)
    accepted = await accept(world, await made_by(world))
    better = GOOD.replace("a + b", "b + a")
    edited = await edit(world, FakeMemories(), accepted.capsule, better)
    manifest, _ = await world.capsules.load(edited.capsule)
    assert (manifest.acceptance, manifest.proofs) == (None, ())
    assert manifest.parent == accepted.capsule
    assert manifest.decision.level is Level.V2
    assert (await world.capsules.verify(edited.capsule)).ok
