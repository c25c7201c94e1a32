"""Pytest mode on real runs: whose configuration holds, and what becomes of every kind of test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sandbox_backends import judge, opened, project_tests

from qlayer.sandbox.base import PytestJob, Sandbox, SandboxResult
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with opened("warm") as started:
        yield started


def outcomes(result: SandboxResult) -> dict[str, str]:
    return {case.name.rpartition("::")[2]: case.outcome.value for case in result.cases}


async def test_parametrised_tests_and_those_in_classes_are_known_by_their_ids(sandbox: Sandbox) -> None:
    tests = """
        import pytest
        @pytest.mark.parametrize("x", [1, 2, 2], ids=["a", "b", "b"])
        def test_p(x): assert x
        class TestC:
            def test_m(self): assert True
            class TestInner:
                @pytest.mark.parametrize("x", ["u-v", ""])
                def test_n(self, x): assert x is not None
    """
    names = ("test_p[a]", "test_p[b0]", "test_p[b1]", "TestC::test_m", "TestC::TestInner::test_n[u-v]")
    result = await judge(sandbox, project_tests(tests, *names, "TestC::TestInner::test_n[]"))
    assert result.verdict.accepted, result


async def test_every_way_of_not_passing_is_told_apart(sandbox: Sandbox) -> None:
    tests = """
        import pytest
        def test_passes(): pass
        def test_fails(): assert 1 == 2
        def test_raises(): raise KeyError("k")
        def test_skips(): pytest.skip("no")
        @pytest.mark.xfail
        def test_xfails(): assert False
        @pytest.mark.xfail
        def test_xpasses(): pass
        @pytest.mark.xfail(strict=True)
        def test_xpasses_strictly(): pass
        @pytest.fixture
        def broken(): raise OSError("setup")
        def test_setup(broken): pass
        @pytest.fixture
        def untidy():
            yield
            raise OSError("teardown")
        def test_teardown(untidy): pass
    """
    words = "passes fails raises skips xfails xpasses xpasses_strictly setup teardown absent"
    names = [f"test_{word}" for word in words.split()]
    result = await judge(sandbox, project_tests(tests, *names))
    assert outcomes(result) == {
        "test_passes": "ACCEPTED",
        "test_fails": "WRONG_ANSWER",
        "test_raises": "RUNTIME_ERROR",
        "test_skips": "INCOMPLETE",
        "test_xfails": "INCOMPLETE",
        "test_xpasses": "INCOMPLETE",
        "test_xpasses_strictly": "WRONG_ANSWER",
        "test_setup": "RUNTIME_ERROR",
        "test_teardown": "RUNTIME_ERROR",
        "test_absent": "INCOMPLETE",
    }
    assert result.verdict.outcome is Outcome.RUNTIME_ERROR


async def test_a_file_that_cannot_be_collected_fails_its_own_tests_only(sandbox: Sandbox) -> None:
    files = {
        "tests/test_syntax.py": "def test_it(:\n",
        "tests/test_import.py": "import absent_package\ndef test_it(): pass\n",
        "tests/test_raise.py": "1 / 0\ndef test_it(): pass\n",
        "tests/test_name.py": "from main import nothing\ndef test_it(): pass\n",
        "tests/test_fine.py": "def test_it(): pass\n",
        "main.py": "x = 1\n",
    }
    paths = tuple(path for path in files if path.startswith("tests/"))
    job = PytestJob(
        tree=SourceTree().with_files(files),
        paths=paths,
        expected_tests=tuple(f"{path}::test_it" for path in paths),
    )
    result = await judge(sandbox, job)
    assert [case.outcome.value for case in result.cases] == [
        "COMPILE_ERROR",
        "DEPENDENCY_ERROR",
        "RUNTIME_ERROR",
        "RUNTIME_ERROR",
        "ACCEPTED",
    ]
    errors = [case.error.type for case in result.cases if case.error is not None]
    assert errors == ["SyntaxError", "ModuleNotFoundError", "ZeroDivisionError", "ImportError"]


async def test_tests_that_nobody_asked_for_are_noted_and_do_not_decide(sandbox: Sandbox) -> None:
    tests = "def test_it(): pass\ndef test_more(): assert False\n"
    verdict = (await judge(sandbox, project_tests(tests, "test_it"))).verdict
    assert verdict.accepted
    assert "1 more ran that nobody asked for (1 failed)" in verdict.cause


async def test_marks_of_the_project_need_no_configuration(sandbox: Sandbox) -> None:
    tests = "import pytest\n@pytest.mark.slow\ndef test_it(): pass\n"
    assert (await judge(sandbox, project_tests(tests, "test_it"))).verdict.accepted


async def test_parts_of_a_test_belong_to_it(sandbox: Sandbox) -> None:
    tests = """
        import unittest
        class TestC(unittest.TestCase):
            def test_parts(self):
                for n in range(3):
                    with self.subTest(n=n): self.assertLess(n, 9)
            def test_bad_part(self):
                for n in range(3):
                    with self.subTest(n=n): self.assertLess(n, 1)
    """
    result = await judge(sandbox, project_tests(tests, "TestC::test_parts", "TestC::test_bad_part"))
    assert outcomes(result) == {"test_parts": "ACCEPTED", "test_bad_part": "WRONG_ANSWER"}, result


async def test_a_test_that_is_expected_twice_is_the_callers_mistake(sandbox: Sandbox) -> None:
    job = project_tests("def test_it(): pass\n", "test_it", "test_it")
    assert (await judge(sandbox, job)).verdict.outcome is Outcome.REJECTED


async def test_many_tests_are_no_tampering(sandbox: Sandbox) -> None:
    tests = "import pytest\n@pytest.mark.parametrize('n', range(4000))\ndef test_it(n): pass\n"
    names = [f"test_it[{n}]" for n in range(4000)]
    result = await judge(sandbox, project_tests(tests, *names), output_bytes=4_000_000)
    assert result.verdict.accepted, result.verdict
