"""Free layout with a model that plays the protocol: the list first, then file by file, with rolling back."""

from __future__ import annotations

from typing import Any

import pytest
from test_pipeline import MODEL, World, bodies

from qlayer.generation.intake import parse_spec
from qlayer.pipeline.free import wants_free_layout
from qlayer.pipeline.policy import policy_for
from qlayer.types.run import LayoutProposed, ProjectChecked, RunRequest, RunStatus, SkeletonBuilt

TEXT = "# Add\n\ndef add(a: int, b: int) -> int\n\n>>> add(1, 2)\n3\n>>> add(2, 2)\n4\n"
LIST = "add/numbers.py: reads numbers\nadd/core.py: adds them\n"
NUMBERS = "```python\ndef whole(text):\n    return int(text)\n```"
CORE = "```python\ndef add(a: int, b: int) -> int:\n    return a + b\n```"
BROKEN = "```python\nfrom add.numbers import gone\n\n\ndef add(a, b):\n    return a + b\n```"


async def build(*answers: str) -> tuple[World, Any]:
    world = World(list(answers))
    request = RunRequest(text=TEXT, layout="free")
    run_id, _ = await world.pipeline.submit(request)
    async with world.sandbox:
        return world, await world.pipeline.execute(run_id, owner="test")


async def test_the_list_is_recorded_and_every_file_is_looked_at() -> None:
    world, record = await build(LIST, NUMBERS, CORE)
    assert record.status is RunStatus.SUCCEEDED
    (proposed,) = bodies(record, LayoutProposed)
    assert [one.path for one in proposed.layout.files] == ["add/numbers.py", "add/core.py"]
    assert [one.problems for one in bodies(record, ProjectChecked)] == [(), ()]
    assert bodies(record, SkeletonBuilt)[0].template == "free"
    manifest, tree = await world.capsules.load(record.capsule)
    assert "return a + b" in tree.text("add/core.py") and manifest.decision.allow
    assert "def whole(text): ..." in world.llm.requests[2].messages[-1].content


async def test_a_file_that_breaks_the_imports_is_told_so_and_then_left_out() -> None:
    world, record = await build(LIST, NUMBERS, BROKEN, BROKEN.replace("gone", "lost"))
    assert "add.numbers.gone, which is not there" in world.llm.requests[3].messages[-1].content
    manifest, tree = await world.capsules.load(record.capsule)
    assert list(tree.paths()) == ["add/numbers.py"] and not manifest.decision.allow
    assert record.finished.reason.startswith("add/core.py was left out")


async def test_a_list_that_cannot_be_used_twice_ends_the_run_with_the_reason() -> None:
    world = World(["no", "files"])
    run_id, _ = await world.pipeline.submit(RunRequest(text=TEXT, layout="free"))
    async with world.sandbox:
        with pytest.raises(Exception, match="no list of files"):
            await world.pipeline.execute(run_id, owner="test")
    record = await world.records.run(run_id)
    assert record.status is RunStatus.FAILED and "no Python file" in record.finished.reason  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "layout", "billions", "wanted"),
    [
        ("Write a chess clock", "auto", 7, True),
        ("Write a chess clock", "auto", 1.5, False),
        ("Write a chess clock", "template", 32, False),
        ("Write a chess clock", "free", 0.5, True),
        (TEXT, "auto", 32, False),
    ],
)
def test_who_may_choose_the_files(text: str, layout: Any, billions: float, wanted: bool) -> None:
    request = RunRequest(text=text, layout=layout, model=MODEL)
    assert wants_free_layout(request, policy_for(billions), parse_spec(text)) is wanted


def test_blocks_are_asked_for_from_14b_up() -> None:
    assert [policy_for(size).block_edits for size in (1.5, 7, 14)] == [False, False, True]
