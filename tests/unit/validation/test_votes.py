"""A candidate's votes are the asserts that hold for it; one that breaks on a call keeps its other votes."""

from __future__ import annotations

from qlayer.sandbox.fake import FakeSandbox, unsafe_in_process
from qlayer.types.check import Case, Expectation
from qlayer.types.source import SourceTree
from qlayer.validation.behaviour import Program
from qlayer.validation.votes import ballots, count_votes

CASES = (
    Case(name="a", function="f", args="(2,)", expected=Expectation(value="4")),
    Case(name="a", function="f", args="(3,)", expected=Expectation(value="9")),
    Case(name="b", function="f", args="(0.1,)", expected=Expectation(value="0.01", rel_tol=1e-6)),
)


def program(body: str) -> Program:
    return Program(
        tree=SourceTree(files={"m.py": f"def f(n):\n    {body}\n".encode()}), module="m", function="f"
    )


async def test_votes_are_the_asserts_that_hold() -> None:
    programs = [
        program("return n * n"),
        program("return n + n"),
        program("return 1 // 0"),
        program("return 'x"),
    ]
    async with FakeSandbox(unsafe_in_process) as sandbox:
        assert await ballots(programs[:2], CASES, sandbox) == ((True, True, True), (True, False, False))
        assert await count_votes(programs, CASES, sandbox) == (3, 1, 0, 0)


async def test_without_asserts_nobody_has_a_vote_and_nothing_is_run() -> None:
    async with FakeSandbox() as sandbox:
        assert await count_votes([program("return 1")] * 2, (), sandbox) == (0, 0)
        assert sandbox.jobs == []
