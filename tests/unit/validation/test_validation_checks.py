"""Translating check plans into sandbox jobs, and counting only what is proved."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from qlayer.sandbox.base import Limits, PytestJob, SandboxJob, SandboxResult, ValuesJob
from qlayer.sandbox.fake import FakeSandbox, result_of, unsafe_in_process
from qlayer.types.check import (
    BootPlan,
    Case,
    CaseResult,
    CasesPlan,
    ErrorInfo,
    Expectation,
    HttpPlan,
    PytestPlan,
)
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome
from qlayer.validation.checks import (
    CALL_LIMITS,
    MAX_OUTPUT_CHARS,
    MAX_RETRIES,
    MAX_VALUE_CHARS,
    PROJECT_LIMITS,
    run_check,
)

TREE = SourceTree().with_files({"m.py": "def double(x):\n    return x * 2\n"})


def case(name: str, args: str, value: str) -> Case:
    return Case(name=name, function="double", args=args, expected=Expectation(value=value))


PLAN = CasesPlan(module="m", cases=(case("two", "(2,)", "4"), case("three", "(3,)", "7")))
TESTS = PytestPlan(paths=("tests/test_m.py",), expected_tests=("tests/test_m.py::test_a",))


def answering(*outcomes: Outcome, retryable: bool = True) -> Callable[[SandboxJob], SandboxResult]:
    """A sandbox's answers one after the other; the last one repeats."""
    left = list(outcomes)

    def answer(job: SandboxJob) -> SandboxResult:
        result = result_of(job, left.pop(0) if len(left) > 1 else left[0])
        return result.model_copy(
            update={"verdict": result.verdict.model_copy(update={"retryable": retryable})}
        )

    return answer


def accepting(reported: Sequence[CaseResult]) -> Callable[[SandboxJob], SandboxResult]:
    return lambda job: result_of(job, Outcome.ACCEPTED).model_copy(update={"cases": tuple(reported)})


def accepted(name: str) -> CaseResult:
    return CaseResult(name=name, outcome=Outcome.ACCEPTED)


async def test_cases_are_counted_one_by_one() -> None:
    async with FakeSandbox(unsafe_in_process) as sandbox:
        result = await run_check(PLAN, TREE, sandbox)
    assert (result.check, result.trusted, result.ok) == ("examples", True, False)
    assert (result.passed, result.total) == (1, 2)
    assert result.verdict.outcome is Outcome.WRONG_ANSWER
    assert result.cases[1].returned == "6"


async def test_a_boot_plan_counts_as_one_case() -> None:
    async with FakeSandbox(unsafe_in_process) as sandbox:
        good = await run_check(BootPlan(module="m"), TREE, sandbox)
        bad = await run_check(
            BootPlan(module="m"), TREE.with_files({"m.py": "import nothing_here\n"}), sandbox
        )
    assert (good.ok, good.passed, good.total) == (True, 1, 1)
    assert (bad.ok, bad.passed, bad.total) == (False, 0, 1)


async def test_each_plan_becomes_its_job() -> None:
    http = HttpPlan(module="app.main", cases=(Case(name="up", function="app"),))
    async with FakeSandbox(lambda job: result_of(job, Outcome.WRONG_ANSWER)) as sandbox:
        for plan in (BootPlan(module="m"), PLAN, http, TESTS):
            await run_check(plan, TREE, sandbox)
    boot, cases, requests, tests = sandbox.jobs
    assert isinstance(boot, ValuesJob) and boot.cases == ()
    assert isinstance(cases, ValuesJob) and (cases.driver, cases.cases) == ("call", PLAN.cases)
    assert isinstance(requests, ValuesJob) and (requests.driver, requests.module) == ("asgi", "app.main")
    assert isinstance(tests, PytestJob) and tests.expected_tests == TESTS.expected_tests


async def test_limits_are_the_callers_or_fit_the_kind_of_plan() -> None:
    seen: list[Limits | None] = []

    class Noting(FakeSandbox):
        async def run(self, job: SandboxJob, limits: Limits | None = None) -> SandboxResult:
            seen.append(limits)
            return await super().run(job, limits)

    own = Limits(wall_s=1)
    async with Noting() as sandbox:
        await run_check(PLAN, TREE, sandbox)
        await run_check(BootPlan(module="m"), TREE, sandbox)
        await run_check(PLAN, TREE, sandbox, own)
    assert seen == [CALL_LIMITS, PROJECT_LIMITS, own]


@pytest.mark.parametrize("disturbed", [Outcome.SANDBOX_ERROR, Outcome.NO_VERDICT])
async def test_a_disturbed_run_is_done_again(disturbed: Outcome) -> None:
    async with FakeSandbox(answering(disturbed, disturbed, Outcome.ACCEPTED)) as sandbox:
        result = await run_check(PLAN, TREE, sandbox)
    assert result.ok
    assert len(sandbox.jobs) == 3


async def test_retries_end_and_leave_the_platforms_verdict() -> None:
    async with FakeSandbox(answering(Outcome.SANDBOX_ERROR)) as sandbox:
        result = await run_check(PLAN, TREE, sandbox)
    assert result.verdict.outcome is Outcome.SANDBOX_ERROR
    assert result.passed == 0
    assert len(sandbox.jobs) == 1 + MAX_RETRIES


@pytest.mark.parametrize("outcome", [Outcome.WRONG_ANSWER, Outcome.WALL_LIMIT, Outcome.POLICY_VIOLATION])
async def test_a_verdict_about_the_program_is_not_asked_for_twice(outcome: Outcome) -> None:
    async with FakeSandbox(answering(outcome)) as sandbox:
        await run_check(PLAN, TREE, sandbox)
    assert len(sandbox.jobs) == 1


@pytest.mark.parametrize(
    "reported",
    [
        [],
        [accepted("two")],
        [accepted("two"), accepted("two")],
        [accepted("two"), accepted("other")],
        [accepted("two"), accepted("three"), accepted("three")],
        [accepted("two"), CaseResult(name="three", outcome=Outcome.WRONG_ANSWER)],
    ],
)
async def test_an_acceptance_without_every_case_behind_it_is_refused(reported: list[CaseResult]) -> None:
    async with FakeSandbox(accepting([accepted("two"), accepted("three")])) as sandbox:
        assert (await run_check(PLAN, TREE, sandbox)).ok
    async with FakeSandbox(accepting(reported)) as sandbox:
        result = await run_check(PLAN, TREE, sandbox)
    assert result.verdict.outcome is Outcome.INCOMPLETE
    assert result.passed < result.total


async def test_no_case_of_a_run_that_tampered_counts() -> None:
    def answer(job: SandboxJob) -> SandboxResult:
        cases = (accepted("two"), accepted("three"))
        return result_of(job, Outcome.POLICY_VIOLATION).model_copy(update={"cases": cases})

    async with FakeSandbox(answer) as sandbox:
        result = await run_check(PLAN, TREE, sandbox)
    assert (result.ok, result.passed) == (False, 0)


async def test_output_and_values_are_trimmed() -> None:
    error = ErrorInfo(type="ValueError", message="m" * 5_000, traceback="t" * 50_000)
    long = CaseResult(name="two", outcome=Outcome.RUNTIME_ERROR, returned="r" * 5_000, error=error)

    def answer(job: SandboxJob) -> SandboxResult:
        result = result_of(job, Outcome.RUNTIME_ERROR)
        return result.model_copy(
            update={"cases": (long,), "stdout": b"\xff" * 9_000 + b"end", "stderr": b"e"}
        )

    async with FakeSandbox(answer) as sandbox:
        result = await run_check(PLAN, TREE, sandbox)
    kept = result.cases[0]
    assert len(result.stdout) <= MAX_OUTPUT_CHARS and result.stdout.endswith("end")
    assert result.stderr == "e"
    assert kept.returned is not None and len(kept.returned) <= MAX_VALUE_CHARS
    assert kept.error is not None and len(kept.error.message) <= MAX_VALUE_CHARS
    assert len(kept.error.traceback) < 3_000
