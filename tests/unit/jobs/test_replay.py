"""The rates of selectors, from candidates whose truth is known."""

from __future__ import annotations

import pytest

from jobs.benchmarks import Task
from jobs.draw import SampleRow
from jobs.replay import judge
from jobs.selectors import Judged, JudgedRow, rates
from qlayer.sandbox.base import SandboxJob, SandboxResult, SplitJob
from qlayer.sandbox.fake import FakeSandbox, result_of, unsafe_in_process
from qlayer.types.candidate import Sampling
from qlayer.types.ids import Digest, ModelId, digest_of
from qlayer.types.verdict import Outcome
from qlayer.validation.selection import Facts


def row(task: str, index: int, hidden: Outcome, tokens: int = 100) -> JudgedRow:
    return JudgedRow(
        key=digest_of([task, index]),
        task=task,
        index=index,
        code="",
        ast=None,
        fixes=(),
        passed=1,
        total=1,
        hidden=hidden,
        tokens=tokens,
    )


def judged(task: str, right: str, agreeing: tuple[int, ...]) -> Judged:
    """One character a candidate: ``+`` right, ``-`` wrong, ``x`` does not run."""
    meaning = {"+": Outcome.ACCEPTED, "-": Outcome.WRONG_ANSWER, "x": Outcome.COMPILE_ERROR}
    rows = tuple(row(task, index, meaning[mark]) for index, mark in enumerate(right))
    facts = tuple(
        Facts(index=index, passed=1, crash_free=1.0, agreeing=size)
        for index, size in enumerate(agreeing)
        if right[index] != "x"
    )
    return Judged(task=task, rows=rows, facts=facts)


def test_five_numbers() -> None:
    seen = rates(
        [
            judged("easy", "++++", (4, 4, 4, 4)),
            judged("helped", "-++x", (1, 2, 2, 0)),
            judged("misled", "+---", (1, 3, 3, 3)),
            judged("lost", "xx-x", (0, 0, 1, 0)),
        ],
        samples=4,
    )
    assert (seen.greedy, seen.oracle) == (0.5, 0.75)
    assert seen.selectors["behaviour clusters"] == 0.5
    assert seen.selectors["first"] == 0.5
    # Random of the candidates that run: 1 + about 2/3 + about 1/4 + 0 of four tasks.
    assert seen.selectors["random"] == pytest.approx((1 + 2 / 3 + 1 / 4) / 4, abs=0.06)
    assert seen.tokens_mean == 400
    efficiency = seen.efficiency("behaviour clusters")
    assert efficiency == pytest.approx((0.5 - seen.selectors["random"]) / (0.75 - seen.selectors["random"]))


def test_nothing_to_choose_has_no_efficiency() -> None:
    assert rates([judged("easy", "++", (2, 2))], samples=2).efficiency("ours") is None


@pytest.mark.parametrize(
    ("answer", "passed", "hidden"),
    [
        ("def inc(x):\n    return x + 1", 1, Outcome.ACCEPTED),
        ("def inc(x):\n    return x + 2", 0, Outcome.WRONG_ANSWER),
        ("I cannot do that.", 0, Outcome.COMPILE_ERROR),
    ],
)
async def test_a_sample_is_fixed_checked_and_scored(answer: str, passed: int, hidden: Outcome) -> None:
    task = Task(
        id="t",
        text='def inc(x: int) -> int:\n    """Add one.\n\n    >>> inc(1)\n    2\n    """\n',
        entry_point="inc",
        tests="hidden",
    )

    def sandbox(job: SandboxJob) -> SandboxResult:
        if isinstance(job, SplitJob):
            right = "x + 1" in job.tree.text(
                next(path for path in job.tree.paths() if "x + " in job.tree.text(path))
            )
            return result_of(job, Outcome.ACCEPTED if right else Outcome.WRONG_ANSWER)
        return unsafe_in_process(job)

    sample = SampleRow(
        key=Digest("sha256:" + "0" * 64),
        task="t",
        index=0,
        seed=0,
        model=ModelId("fake"),
        prompt=Digest("sha256:" + "0" * 64),
        sampling=Sampling(),
        text=f"```python\n{answer}\n```",
        finish_reason="stop",
        tokens=7,
        seconds=1.0,
    )
    async with FakeSandbox(sandbox) as box:
        seen = await judge(task, sample, box)
    assert (seen.passed, seen.hidden, seen.tokens) == (passed, hidden, 7)
