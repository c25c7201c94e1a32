"""Tallies over repeats: what counts as sound, as a flip, and which tasks have special needs."""

from __future__ import annotations

import io

from rich.console import Console

from jobs.benchmarks import Reference, Task
from jobs.canonical import Special, job_for, judge_all, load_special, print_report
from qlayer.sandbox.base import Limits, ProgramJob, SandboxJob, SandboxResult, SplitJob
from qlayer.sandbox.fake import FakeSandbox, result_of
from qlayer.types.verdict import Outcome


def reference(name: str) -> Reference:
    task = Task(id=name, text="", entry_point="f", tests="assert f() == 1")
    return Reference(task=task, code="def f(): return 1")


async def test_only_what_is_accepted_every_time_is_sound() -> None:
    rounds = {"steady": [Outcome.ACCEPTED] * 3, "wrong": [Outcome.WRONG_ANSWER] * 3}
    rounds["flips"] = [Outcome.ACCEPTED, Outcome.WALL_LIMIT, Outcome.ACCEPTED]
    order = [outcomes[number] for number in range(3) for outcomes in rounds.values()]

    def answer(job: SandboxJob) -> SandboxResult:
        return result_of(job, order.pop(0), "because")

    async with FakeSandbox(answer) as sandbox:
        report = await judge_all(sandbox, [*map(reference, rounds)], benchmark="b", repeats=3)
    assert (report.tasks, report.accepted, report.flips) == (3, 1, ("flips",))
    assert [each.id for each in report.failed] == ["wrong", "flips"]
    assert not report.sound
    text = io.StringIO()
    print_report(report, Console(file=text, width=120))
    assert "1/3 ACCEPTED in each of 3 repeats, 1 flips" in text.getvalue()
    assert "WALL_LIMIT x1" in text.getvalue()


def test_special_needs_change_the_job_and_nothing_else_does() -> None:
    plain = job_for(reference("a"), None)
    assert isinstance(plain, SplitJob) and plain.tests == "assert f() == 1"
    prelude = job_for(reference("a"), Special(reason="why", prelude="import sys"))
    assert isinstance(prelude, SplitJob) and prelude.tests.startswith("import sys\n")
    together = job_for(reference("a"), Special(reason="why", together=True))
    assert isinstance(together, ProgramJob)
    assert together.tree.text("solution.py") == "def f(): return 1\n\n\nassert f() == 1"


async def test_special_limits_reach_the_sandbox_and_are_named() -> None:
    special = {"a": Special(reason="slow by nature", limits=Limits(cpu_s=60))}
    async with FakeSandbox() as sandbox:
        report = await judge_all(
            sandbox, [reference("a"), reference("b")], benchmark="b", repeats=1, special=special
        )
        assert [limits.cpu_s if limits else None for limits in sandbox.limits] == [60, None]
    assert [each.id for each in report.special] == ["a"]
    text = io.StringIO()
    print_report(report, Console(file=text, width=120))
    assert "cpu_s=60" in text.getvalue() and "slow by nature" in text.getvalue()


def test_every_special_need_has_a_reason() -> None:
    special = load_special()
    assert special and all(each.reason for each in special.values())
