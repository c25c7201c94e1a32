"""What can be checked of a foreign project is read from its files, without running them."""

from __future__ import annotations

from qlayer.types.check import PytestPlan
from qlayer.types.source import SourceTree
from qlayer.validation.project import plan_project

TESTS = """
import pytest

def test_one(): ...
async def test_two(): ...
def helper(): ...

@pytest.mark.parametrize("n", [1, 2])
def test_many(n): ...

class TestThings:
    def test_three(self): ...
    def other(self): ...
"""


def test_top_modules_of_the_root_and_of_src_are_booted() -> None:
    project = SourceTree(files={}).with_files(
        {
            "main.py": "",
            "setup.py": "",
            "src/shop/__init__.py": "",
            "src/shop/cart.py": "",
            "tests/__init__.py": "",
            "not-a-module.py": "",
            "data/x.py": "",
        }
    )
    assert [check.name for check in plan_project(project).checks] == ["boot main", "boot shop"]


def test_tests_are_named_as_pytest_does_and_what_cannot_be_named_is_said() -> None:
    plan = plan_project(SourceTree(files={}).with_files({"tests/test_it.py": TESTS}))
    [check] = plan.checks
    assert isinstance(check, PytestPlan)
    assert check.paths == ("tests/test_it.py",)
    assert check.expected_tests == (
        "tests/test_it.py::test_one",
        "tests/test_it.py::test_two",
        "tests/test_it.py::TestThings::test_three",
    )
    assert not check.trusted
    [skipped] = plan.skipped
    assert "test_many" in skipped


def test_a_test_file_that_does_not_parse_is_said() -> None:
    plan = plan_project(SourceTree(files={}).with_files({"test_x.py": "def test_x(:"}))
    assert plan.checks == ()
    assert "test_x.py" in plan.skipped[0]


def test_an_empty_project_has_no_checks() -> None:
    assert plan_project(SourceTree(files={}).with_files({"README.md": "hi"})).checks == ()
