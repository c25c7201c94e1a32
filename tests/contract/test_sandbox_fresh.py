"""A process per case: no state passes, and what one case does to its process costs no other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sandbox_backends import BACKENDS, case, judge, opened, request, values

from qlayer.sandbox.base import Sandbox, SandboxResult, ValuesJob
from qlayer.types.check import Case
from qlayer.types.verdict import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNTING = """
    import os
    calls = 0

    def count():
        global calls
        calls += 1
        return calls

    def crash():
        os.kill(os.getpid(), 11)

    def leave():
        os._exit(0)

    def spin():
        while True:
            pass

    def fail():
        raise KeyError("missing")
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=sorted(BACKENDS))
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    async with opened(request.param) as started:
        yield started


def fresh(*cases: Case) -> ValuesJob:
    return values(COUNTING, *cases).model_copy(update={"fresh_process": True})


def outcomes(result: SandboxResult) -> list[Outcome]:
    return [each.outcome for each in result.cases]


async def test_state_passes_between_cases_of_one_process(sandbox: Sandbox) -> None:
    """What the option is for happens without it."""
    result = await judge(sandbox, values(COUNTING, case("count()", "1"), case("count()", "1")))
    assert outcomes(result) == [Outcome.ACCEPTED, Outcome.WRONG_ANSWER]


async def test_no_state_passes_between_processes(sandbox: Sandbox) -> None:
    result = await judge(sandbox, fresh(case("count()", "1"), case("count()", "1")))
    assert result.verdict.outcome is Outcome.ACCEPTED, result


async def test_a_crash_costs_one_case(sandbox: Sandbox) -> None:
    calls = ("count()", "crash()", "count()", "leave()", "fail()", "count()")
    result = await judge(sandbox, fresh(*(case(call, "1") for call in calls)))
    assert outcomes(result) == [
        Outcome.ACCEPTED,
        Outcome.SIGNALLED,
        Outcome.ACCEPTED,
        Outcome.INCOMPLETE,
        Outcome.RUNTIME_ERROR,
        Outcome.ACCEPTED,
    ], result
    assert result.verdict.outcome is Outcome.SIGNALLED
    assert result.cases[1].error is not None and "SIGSEGV" in result.cases[1].error.message


async def test_a_call_that_does_not_return_costs_one_case(sandbox: Sandbox) -> None:
    job = fresh(case("count()", "1"), case("spin()", "1"), case("count()", "1"))
    result = await judge(sandbox, job, cpu_s=4, wall_s=20)
    assert outcomes(result) == [Outcome.ACCEPTED, Outcome.WALL_LIMIT, Outcome.ACCEPTED], result
    assert result.verdict.outcome is Outcome.WALL_LIMIT


async def test_the_limit_on_processes_leaves_room_for_the_cases(sandbox: Sandbox) -> None:
    result = await judge(sandbox, fresh(case("count()", "1")), processes=1)
    assert result.verdict.outcome is Outcome.ACCEPTED, result


async def test_an_application_keeps_its_state(sandbox: Sandbox) -> None:
    job = values(COUNTING, request("GET", "/")).model_copy(update={"fresh_process": True, "driver": "asgi"})
    result = await judge(sandbox, job)
    assert result.verdict.outcome is Outcome.REJECTED
    assert "fresh_process" in result.verdict.cause
