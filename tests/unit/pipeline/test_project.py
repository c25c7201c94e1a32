"""Filling a project of several slots: the look at the whole after each, and the rolling back."""

from __future__ import annotations

from typing import Any

import pytest

from qlayer.generation.base import Skeleton, Slot
from qlayer.generation.splice import fill
from qlayer.pipeline.journal import Journal
from qlayer.pipeline.project import Project
from qlayer.sandbox.base import ValuesJob
from qlayer.sandbox.fake import FakeSandbox, accept, unsafe_in_process
from qlayer.store.fake import FakeRecords
from qlayer.types.check import BootPlan, Case, CasesPlan, Expectation
from qlayer.types.ids import new_run_id
from qlayer.types.run import ProjectChecked, RunRequest, SlotSettled
from qlayer.types.source import SourceTree

SOURCE = "def one():\n    raise NotImplementedError\n\n\ndef two():\n    raise NotImplementedError\n"


def slot(name: str, expected: str) -> Slot:
    case = Case(name="1", function=name, expected=Expectation(value=expected))
    return Slot(
        name=name, path="m.py", module="m", signature=f"def {name}()", brief=name,
        checks=(CasesPlan(name=name, module="m", cases=(case,)),),
    )  # fmt: skip


SKELETON = Skeleton(
    template="t",
    tree=SourceTree().with_files({"m.py": SOURCE}),
    slots=(slot("one", "1"), slot("two", "2")),
    boot=(BootPlan(module="m"),),
    final=(),
)


class ScriptedLoop:
    """Stands for the loop: takes what it is told for each slot, solved or not."""

    def __init__(self, code: dict[str, str]) -> None:
        self.code = code
        self.asked: list[str] = []

    async def settle(self, slot: Slot, tree: SourceTree, slots_left: int) -> tuple[SlotSettled, SourceTree]:
        self.asked.append(slot.name)
        after = fill(tree, slot, self.code[slot.name])
        return SlotSettled(slot=slot.name, kept=0, tree=after.digest, reason="done", solved=True), after


def judge(job: Any) -> Any:
    return unsafe_in_process(job) if isinstance(job, ValuesJob) and job.cases else accept(job)


async def build(code: dict[str, str]) -> tuple[SourceTree, dict[str, SlotSettled], FakeRecords, Any]:
    records = FakeRecords()
    run_id, _ = await records.submit(new_run_id(1, b"abcd"), RunRequest(text="x"), None)
    async with FakeSandbox(judge) as sandbox:
        project = Project(ScriptedLoop(code), sandbox, Journal(records, run_id), SKELETON)  # type: ignore[arg-type]
        tree, filled = await project.build()
    return tree, {one.slot.name: one.settled for one in filled}, records, run_id


async def test_slots_that_fit_together_all_stay() -> None:
    code = {"one": "def one():\n    return 1\n", "two": "def two():\n    return one() + 1\n"}
    tree, settled, records, run_id = await build(code)
    assert "return one() + 1" in tree.text("m.py")
    assert all(one.solved for one in settled.values())
    looks = [e.body for e in (await records.run(run_id)).events if isinstance(e.body, ProjectChecked)]
    assert [look.slot for look in looks] == ["one", "two"]


@pytest.mark.parametrize(
    ("two", "why"),
    [
        ("import m.gone\n\ndef two():\n    return 2\n", "m.gone, which is not there"),
        ("def two():\n    return 2\n\none = None\n", "one was green and fails now"),
    ],
)
async def test_a_filling_that_breaks_another_is_rolled_back_alone(two: str, why: str) -> None:
    tree, settled, _, _ = await build({"one": "def one():\n    return 1\n", "two": two})
    assert settled["one"].solved and "return 1" in tree.text("m.py")
    assert not settled["two"].solved and settled["two"].kept is None
    assert why in settled["two"].reason
    assert "raise NotImplementedError" in tree.text("m.py")
