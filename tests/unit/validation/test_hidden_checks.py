"""A hidden test's inputs and expected values reach neither feedback nor events nor reports.

The candidates here try to carry them out: by messages, printed text, returned values and names of classes.
Every time it is shown first that without `hidden` the needle does come through.
"""

from __future__ import annotations

import pytest

from qlayer.sandbox.base import SandboxJob, SandboxResult
from qlayer.sandbox.fake import FakeSandbox, result_of, unsafe_in_process
from qlayer.types.candidate import Candidate, Sampling
from qlayer.types.check import Case, CasesPlan, CheckPlan, CheckResult, Expectation, HttpPlan, PytestPlan
from qlayer.types.run import Checked
from qlayer.types.source import SourceTree
from qlayer.types.usage import TokenUsage
from qlayer.types.verdict import Outcome
from qlayer.validation.checks import run_check
from qlayer.validation.decision import decide
from qlayer.validation.feedback import failed_cases, first_failure

NEEDLE = "needle8241"
ANSWER = "answer9317"
CASES = (
    Case(
        name=f"f('{NEEDLE}')", function="f", args=f"('{NEEDLE}',)", expected=Expectation(value=repr(ANSWER))
    ),
    Case(name="f('')", function="f", args="('',)", expected=Expectation(value="''")),
)
LEAKS = {
    "returned": "def f(x): return x + '!' if x else x",
    "message": "def f(x):\n    raise ValueError(x)",
    "class name": "def f(x): raise type(x or 'E', (Exception,), {})('no')",
    "frame": "def f(x):\n    exec(compile('raise KeyError(1)', x or 'y', 'exec'))",
}


def plan(*, hidden: bool) -> CasesPlan:
    return CasesPlan(name="examples", module="m", cases=CASES, hidden=hidden)


async def checked(code: str, *, hidden: bool) -> CheckResult:
    tree = SourceTree().with_files({"m.py": code})
    async with FakeSandbox(unsafe_in_process) as sandbox:
        return await run_check(plan(hidden=hidden), tree, sandbox)


def told(result: CheckResult) -> str:
    """All that a fixer, a follower of events or a reader of the report gets to see."""
    tree = SourceTree().with_files({"m.py": "x = 1\n"})
    candidate = Candidate(
        slot="f",
        code="",
        model="m",
        prompt="sha256:0",
        sampling=Sampling(),
        usage=TokenUsage(),
    )
    event = Checked(
        slot="f", attempt=0, candidate=candidate, checks=(result,), passed=result.passed, total=result.total
    )
    failure = first_failure([], [result])
    assert failure is not None
    parts = [event.model_dump_json(), failure.model_dump_json(), decide(tree, [result]).model_dump_json()]
    return "\n".join([*parts, *failed_cases([result])])


@pytest.mark.parametrize("code", LEAKS.values(), ids=LEAKS)
async def test_no_literal_of_a_hidden_test_gets_out(code: str) -> None:
    open_result = await checked(code, hidden=False)
    assert NEEDLE in told(open_result)
    result = await checked(code, hidden=True)
    assert NEEDLE not in told(result) and ANSWER not in told(result)
    assert (result.passed, result.total) == (open_result.passed, 2)
    assert [case.outcome for case in result.cases] == [case.outcome for case in open_result.cases]


def printing(job: SandboxJob) -> SandboxResult:
    """A backend's answer to a program that prints what it gets, with a cause that quotes the test."""
    result = result_of(job, Outcome.WRONG_ANSWER, f"1 of 2 cases failed; {NEEDLE}")
    evidence = result.verdict.evidence.model_copy(
        update={
            "also": (f"INCOMPLETE: {NEEDLE}",),
            "tries": (f"SANDBOX_ERROR: {NEEDLE}",),
            "limit": "cpu_s=1",
        }
    )
    verdict = result.verdict.model_copy(update={"evidence": evidence})
    return result.model_copy(
        update={"verdict": verdict, "stdout": NEEDLE.encode(), "stderr": NEEDLE.encode()}
    )


@pytest.mark.parametrize(
    "shown",
    [
        plan(hidden=False),
        HttpPlan(name="requests", module="m", cases=CASES),
        PytestPlan(paths=("t.py",), expected_tests=(f"t.py::test_it[{NEEDLE}]",), trusted=True),
    ],
    ids=lambda each: each.kind,
)
async def test_neither_causes_nor_output_nor_names_of_tests_get_out(shown: CheckPlan) -> None:
    tree = SourceTree().with_files({"m.py": "x = 1\n"})
    async with FakeSandbox(printing) as sandbox:
        assert NEEDLE in told(await run_check(shown, tree, sandbox))
        result = await run_check(shown.model_copy(update={"hidden": True}), tree, sandbox)
    assert NEEDLE not in told(result)
    assert result.verdict.evidence.also == ("INCOMPLETE",)
    assert "cpu_s=1" in result.verdict.cause


async def test_what_helps_and_tells_nothing_is_kept() -> None:
    result = await checked(LEAKS["message"], hidden=True)
    failure = first_failure([], [result])
    assert failure is not None and failure.is_crash
    assert failure.message == "ValueError in a hidden case"
    assert result.verdict.cause == "0 of 2 hidden cases pass: RUNTIME_ERROR"
    assert result.hidden and result.cases[0].name == "hidden case 1"


async def test_a_hidden_check_that_passes_is_still_a_pass() -> None:
    code = f"def f(x): return {ANSWER!r} if x else x"
    result = await checked(code, hidden=True)
    assert result.ok and (result.passed, result.total) == (2, 2)
