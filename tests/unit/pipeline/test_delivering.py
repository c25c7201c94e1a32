"""What a run adds to ship its project: after the model, before the last checks, once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_pipeline import RIGHT, SPEC, DyingRecords, Killed, World, bodies

from qlayer.packaging.delivery.deliver import Bases
from qlayer.pipeline.delivering import Delivering
from qlayer.store.fake import FakeRecords
from qlayer.types.ids import RunId
from qlayer.types.run import Assessed, Decided, Equipped, Finished, Packed, RunRequest, RunStatus

WORKFLOW = ".github/workflows/ci.yml"


def shipping(world: World, bases: Bases | None = None) -> World:
    world.pipeline = replace(world.pipeline, delivering=Delivering(bases or Bases()))
    return world


async def test_what_ships_is_what_was_checked() -> None:
    world = shipping(World([RIGHT]))
    record = await world.run()
    assert record.status is RunStatus.SUCCEEDED
    manifest, tree = await world.capsules.load(record.capsule)
    (equipped,) = bodies(record, Equipped)
    assert {"Makefile", "Dockerfile", WORKFLOW} <= set(equipped.added) <= set(tree.paths())
    (decided,) = bodies(record, Decided)
    (assessed,) = bodies(record, Assessed)
    assert decided.tree == assessed.tree == equipped.tree == tree.digest == manifest.tree
    assert manifest.assessment is not None
    assert (await world.capsules.verify(record.capsule)).ok


async def test_the_readme_names_what_was_added() -> None:
    world = shipping(World([RIGHT]))
    record = await world.run()
    _, tree = await world.capsules.load(record.capsule)
    for path in ("Makefile", "Dockerfile", WORKFLOW):
        assert f"`{path}`" in tree.text("README.md")


async def test_the_model_is_asked_the_same_with_and_without() -> None:
    plain, equipped = World([RIGHT]), shipping(World([RIGHT]))
    await plain.run()
    await equipped.run()
    assert plain.llm.requests == equipped.llm.requests and plain.llm.requests


async def test_without_it_a_capsule_holds_what_template_and_model_wrote() -> None:
    record = await World([RIGHT]).run()
    assert bodies(record, Equipped) == []


@pytest.mark.parametrize("survived", (5, 6, 7, 8))
async def test_a_run_killed_around_the_step_makes_the_same_project(survived: int) -> None:
    whole = await shipping(World([RIGHT])).run()
    records = DyingRecords()
    world = shipping(World([RIGHT], records=records))
    run_id, _ = await world.pipeline.submit(RunRequest(text=SPEC))
    records.appends_left = survived
    async with world.sandbox:
        with pytest.raises(Killed):
            await world.pipeline.execute(run_id, owner="first")
    records.appends_left = None

    again = shipping(world.reborn([RIGHT]))
    async with again.sandbox:
        record = await again.pipeline.execute(run_id, owner="second")
    assert record.status is RunStatus.SUCCEEDED
    assert bodies(record, Decided)[-1].tree == bodies(whole, Decided)[-1].tree
    assert len(bodies(record, Equipped)) == 1


async def test_a_run_that_an_earlier_version_had_decided_is_decided_once_more() -> None:
    """Its record has no such step: what it ships now is checked as a whole."""
    world = World([RIGHT])
    before = await world.run()
    events = [event for event in before.events if not isinstance(event.body, Packed | Finished)]
    records = FakeRecords()
    run_id, _ = await records.submit(RunId("run-of-an-earlier-version"), before.request)
    for event in events[1:]:
        await records.append(run_id, event.body, step=event.step)
    again = shipping(World([RIGHT], records=records, blobs=world.blobs))
    async with again.sandbox:
        record = await again.pipeline.execute(run_id, owner="new")
    assert record.status is RunStatus.SUCCEEDED and again.llm.requests == []
    first, last = bodies(record, Decided)
    _, tree = await again.capsules.load(record.capsule)
    assert first.tree != last.tree == tree.digest and WORKFLOW in tree.paths()
