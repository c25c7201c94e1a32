"""Runs that the platform spoilt are done again, at most twice, and the evidence says so."""

from __future__ import annotations

import pytest

from qlayer.errors import SandboxError
from qlayer.sandbox.base import SandboxJob, SandboxResult, ValuesJob
from qlayer.sandbox.fake import FakeSandbox, result_of
from qlayer.sandbox.retrying import RetryingSandbox
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

JOB = ValuesJob(tree=SourceTree(), module="m", cases=())
SPOILT = (Outcome.SANDBOX_ERROR, Outcome.NO_VERDICT)


async def tried(*outcomes: Outcome, retryable: bool = True) -> tuple[SandboxResult, int]:
    """The answer, and how often the job was run, where the tries end like this."""
    left = list(outcomes)

    def answer(job: SandboxJob) -> SandboxResult:
        result = result_of(job, left.pop(0), "held up")
        undecided = result.verdict.outcome in SPOILT
        return result.model_copy(
            update={"verdict": result.verdict.model_copy(update={"retryable": undecided and retryable})}
        )

    inner = FakeSandbox(answer)
    async with RetryingSandbox(inner) as sandbox:
        assert sandbox.info == inner.info
        return await sandbox.run(JOB), len(inner.jobs)


@pytest.mark.parametrize("spoilt", SPOILT)
async def test_a_spoilt_run_is_done_again(spoilt: Outcome) -> None:
    result, runs = await tried(spoilt, Outcome.ACCEPTED)
    assert (result.verdict.outcome, runs) == (Outcome.ACCEPTED, 2)
    assert result.verdict.evidence.tries == (f"{spoilt.value}: held up",)


async def test_at_most_twice() -> None:
    result, runs = await tried(Outcome.NO_VERDICT, Outcome.SANDBOX_ERROR, Outcome.NO_VERDICT)
    assert (result.verdict.outcome, runs) == (Outcome.NO_VERDICT, 3)
    assert result.verdict.evidence.tries == ("NO_VERDICT: held up", "SANDBOX_ERROR: held up")


@pytest.mark.parametrize("decided", [outcome for outcome in Outcome if outcome not in SPOILT])
async def test_a_verdict_on_the_program_is_never_asked_for_twice(decided: Outcome) -> None:
    result, runs = await tried(decided)
    assert (result.verdict.outcome, runs, result.verdict.evidence.tries) == (decided, 1, ())


async def test_what_is_not_worth_another_try_gets_none() -> None:
    assert (await tried(Outcome.SANDBOX_ERROR, retryable=False))[1] == 1


async def test_it_opens_and_closes_the_inner_one() -> None:
    inner = FakeSandbox()
    async with RetryingSandbox(inner):
        assert inner.info
    with pytest.raises(SandboxError):
        assert inner.info
