"""The fake names every case that a job expects, as the real backends do."""

from __future__ import annotations

import pytest

from qlayer.sandbox.base import ProgramJob, PytestJob, SandboxJob, SplitJob, ValuesJob
from qlayer.sandbox.fake import FakeSandbox, result_of
from qlayer.types.check import Case
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

TREE = SourceTree()
TESTS = ("test_m.py::test_a", "test_m.py::test_b[1]")


@pytest.mark.parametrize(
    ("job", "names"),
    [
        (ValuesJob(tree=TREE, module="m", cases=(Case(name="one", function="f"),)), ("one",)),
        (PytestJob(tree=TREE, paths=("test_m.py",), expected_tests=TESTS), TESTS),
        (SplitJob(tree=TREE, module="m", function="f", tests=""), ("f",)),
        (ProgramJob(tree=TREE, path="m.py"), ()),
    ],
)
async def test_each_expected_case_gets_the_outcome(job: SandboxJob, names: tuple[str, ...]) -> None:
    async with FakeSandbox() as sandbox:
        assert tuple(case.name for case in (await sandbox.run(job)).cases) == names
    failed = result_of(job, Outcome.WRONG_ANSWER)
    assert {case.outcome for case in failed.cases} <= {Outcome.WRONG_ANSWER}
