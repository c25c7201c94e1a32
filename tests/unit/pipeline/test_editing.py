"""A person's correction: judged, packed as a new capsule, remembered, and of use to later runs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from test_pipeline import CRASH, MODEL, RIGHT, SPEC, WRONG, World

from qlayer.errors import InputError
from qlayer.generation.templates import TEMPLATES
from qlayer.memory.similarity import LexicalSimilarity
from qlayer.packaging.delivery.deliver import Bases, deliver
from qlayer.pipeline.editing import Editing, EditRequest, EditResult
from qlayer.pipeline.journal import Journal
from qlayer.pipeline.learning import Learning
from qlayer.pipeline.pipeline import Pipeline
from qlayer.store.fake import FakeMemories
from qlayer.types.ids import CapsuleId
from qlayer.types.memory import ACCEPTED_BUT_WRONG, Recall
from qlayer.types.run import Checked, Recalled, RunRequest

AT = datetime(2026, 5, 4, tzinfo=UTC)
GOOD = "def add(a: int, b: int) -> int:\n    return a + b\n"
ALSO_GOOD = "def add(a: int, b: int) -> int:\n    return sum((a, b))\n"
BAD = "def add(a: int, b: int) -> int:\n    return a * b\n"


async def made_by(world: World) -> CapsuleId:
    record = await world.run()
    assert record.capsule is not None
    return CapsuleId(record.capsule)


async def edit(
    world: World, memories: FakeMemories, capsule: CapsuleId, code: str, *, force: bool = False
) -> EditResult:
    editing = Editing(world.capsules, memories, world.sandbox, lambda: AT)
    async with world.sandbox:
        return await editing.edit(EditRequest(capsule=capsule, code=code, who="ada", force=force))


async def test_a_correction_makes_a_new_capsule_that_names_its_parent() -> None:
    world, memories = World(lambda _: WRONG), FakeMemories()
    parent = await made_by(world)
    result = await edit(world, memories, parent, GOOD)
    manifest, tree = await world.capsules.load(result.capsule)
    assert (result.parent, manifest.parent) == (parent, parent)
    assert manifest.decision.allow and not result.before.allow and result.after.allow
    assert any("a + b" in tree.text(path) for path in tree.paths() if path.endswith(".py"))
    assert (await world.capsules.verify(result.capsule)).ok
    before, _ = await world.capsules.load(parent)
    assert before.parent is None, "the parent stays as it was"

    (correction,) = await memories.corrections()
    assert (correction.id, correction.capsule, correction.corrected) == (
        result.correction,
        parent,
        result.capsule,
    )
    assert "return a * b" in correction.wrong and correction.right == GOOD
    assert correction.mistake.signature.startswith("WRONG_ANSWER")
    assert correction.mistake.case is not None
    assert (correction.who, correction.at) == ("ada", AT)
    assert "def add(a: int, b: int) -> int" in correction.brief and "add(1, 2)" in correction.prompt


async def test_a_crash_is_remembered_by_its_kind() -> None:
    world, memories = World(lambda _: CRASH), FakeMemories()
    await edit(world, memories, await made_by(world), GOOD)
    (correction,) = await memories.corrections()
    assert correction.mistake.signature == "ValueError: invalid literal for int() with base N: Q"


async def test_what_passed_every_check_was_accepted_but_wrong() -> None:
    world, memories = World([RIGHT]), FakeMemories()
    first = await edit(world, memories, await made_by(world), ALSO_GOOD)
    (correction,) = await memories.corrections()
    assert correction.mistake.signature == ACCEPTED_BUT_WRONG
    again = await edit(world, memories, first.capsule, GOOD)
    manifest, _ = await world.capsules.load(again.capsule)
    assert [record.parent for record in manifest.edits] == [first.parent, first.capsule]
    assert (await memories.corrections())[1].wrong == ALSO_GOOD


async def test_a_correction_that_breaks_what_passed_is_refused_unless_forced() -> None:
    world, memories = World([RIGHT]), FakeMemories()
    capsule = await made_by(world)
    with pytest.raises(InputError, match="passed before would fail") as refused:
        await edit(world, memories, capsule, BAD)
    assert refused.value.hint is not None and "--force" in refused.value.hint
    assert await memories.corrections() == (), "nothing was recorded"
    forced = await edit(world, memories, capsule, BAD, force=True)
    (correction,) = await memories.corrections()
    manifest, _ = await world.capsules.load(forced.capsule)
    assert forced.lost and correction.lost == forced.lost == manifest.edits[-1].lost
    assert not forced.after.allow


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def add(a, b:\n", "was never closed"),
        ("def other(a, b):\n    return a\n", "does not define add"),
        ("def add(a):\n    return a\n", "positional arguments"),
        ("", "no code"),
        (GOOD, "holds already"),
    ],
)
async def test_code_that_cannot_stand_there_is_refused(code: str, problem: str) -> None:
    world, memories = World([RIGHT]), FakeMemories()
    capsule = await made_by(world)
    with pytest.raises(InputError, match=problem):
        await edit(world, memories, capsule, code)
    assert await memories.corrections() == ()


async def test_helpers_of_the_code_before_do_not_stay_behind() -> None:
    helper = "def one():\n    return 1\n\n"
    helped = f"```python\n{helper}def add(a: int, b: int) -> int:\n    return a + b * one()\n```"
    world, memories = World([helped]), FakeMemories()
    result = await edit(world, memories, await made_by(world), GOOD)
    _, tree = await world.capsules.load(result.capsule)
    assert not any("def one" in tree.text(path) for path in tree.paths() if path.endswith(".py"))


async def test_files_that_ship_it_stay_and_hinder_no_correction() -> None:
    helped = "```python\ndef old(x):\n    return x\n\ndef add(a, b):\n    return old(a) + b\n```"
    world, memories = World([helped]), FakeMemories()
    manifest, bare = await world.capsules.load(await made_by(world))
    tree = deliver("function", bare, Bases()).tree
    shipped = manifest.model_copy(update={"tree": tree.digest, "files": tree.entries()})
    result = await edit(world, memories, await world.capsules.pack(shipped, tree), GOOD)
    _, corrected = await world.capsules.load(result.capsule)
    assert set(corrected.paths()) == set(tree.paths()) > set(bare.paths())
    changed = {path for path, data in corrected.files.items() if data != tree.files[path]}
    assert len(changed) == 1 and "old" not in corrected.text(changed.pop())


def learning_world(script: object, memories: FakeMemories, before: World) -> World:
    """A later process that uses what was remembered."""
    world = before.reborn(script)
    learning = Learning(memories, LexicalSimilarity())
    world.pipeline = Pipeline(**{**vars(world.pipeline), "learning": learning})
    return world


async def test_a_later_run_is_shown_the_correction_and_says_so() -> None:
    world, memories = World([RIGHT]), FakeMemories()
    corrected = await edit(world, memories, await made_by(world), ALSO_GOOD)
    later = learning_world([RIGHT], memories, world)
    record = await later.run()
    (recalled,) = [event.body for event in record.events if isinstance(event.body, Recalled)]
    assert recalled.recall.memories == (corrected.correction,)
    assert "return sum((a, b))" in later.llm.requests[0].messages[-1].content
    assert dict(await memories.uses()) == {corrected.correction: 1}


async def test_a_resumed_run_uses_what_it_recalled_first() -> None:
    world, memories = World([RIGHT]), FakeMemories()
    capsule = await made_by(world)
    later = learning_world([RIGHT], memories, world)
    run_id, _ = await later.pipeline.submit(RunRequest(text=SPEC, model=MODEL))
    template = TEMPLATES["function"]
    spec = (await world.capsules.load(capsule))[0].spec
    skeleton = template.instantiate(spec)
    journal = Journal(later.records, run_id)
    assert later.pipeline.learning is not None
    first = await later.pipeline.learning.equip(journal, skeleton)
    assert first.slots[0].hints == ()
    await edit(world, memories, capsule, ALSO_GOOD)
    assert (await later.pipeline.learning.recall(skeleton)) != Recall(), "by now there is something to recall"
    assert (await later.pipeline.learning.equip(journal, skeleton)).slots[0].hints == ()


async def test_three_corrections_of_one_kind_become_an_automatic_fix() -> None:
    """The wrong name crashes; corrected three times, the fourth program is fixed without a token."""
    memories = FakeMemories()
    worlds = []
    for number in (1, 2, 3):
        wrong = (
            f"```python\ndef add(a: int, b: int) -> int:\n    return total(({number}, a, b)) - {number}\n```"
        )
        world = World(lambda _, wrong=wrong: wrong)
        right = f"def add(a: int, b: int) -> int:\n    return sum(({number}, a, b)) - {number}\n"
        await edit(world, memories, await made_by(world), right)
        worlds.append(world)
    (rule,) = await Learning(memories, LexicalSimilarity()).rules()
    assert str(rule.fix) == "total -> sum" and len(rule.evidence) == 3
    fourth = "```python\ndef add(a: int, b: int) -> int:\n    return total([b, a])\n```"
    later = learning_world([fourth], memories, worlds[0])
    record = await later.run()
    (checked,) = [event.body for event in record.events if isinstance(event.body, Checked)]
    assert checked.candidate.fixes == (rule.id,) and checked.passed == checked.total
    assert (await memories.uses())[rule.id] == 1
    await learning_world([RIGHT], memories, worlds[0]).run()
    assert (await memories.uses())[rule.id] == 1, "recalled again, but nothing was there to be fixed"
    await memories.forget(rule.id)
    assert await Learning(memories, LexicalSimilarity()).rules() == ()
