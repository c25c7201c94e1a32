"""Mutants differ in one place, and weak tests are found out by them."""

from __future__ import annotations

import ast

import pytest

from qlayer.errors import SandboxError
from qlayer.sandbox.base import SandboxJob, SandboxResult
from qlayer.sandbox.fake import FakeSandbox, result_of, unsafe_in_process
from qlayer.types.check import Case, CasesPlan, Expectation
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome
from qlayer.validation.mutants import mutants
from qlayer.validation.mutation import mutation_score

CLAMP = '''def clamp(value, low, high):
    """Keep a value within bounds."""
    if value < low:
        return low
    if value > high:
        return high
    return value
'''


def plan(*cases: tuple[str, str]) -> CasesPlan:
    return CasesPlan(
        module="m",
        cases=tuple(
            Case(name=args, function="clamp", args=args, expected=Expectation(value=value))
            for args, value in cases
        ),
    )


def place(code: str) -> SourceTree:
    return SourceTree(files={"m.py": code.encode()})


@pytest.mark.parametrize(
    ("code", "mutated"),
    [
        ("a = b + c", {"a = b - c"}),
        ("a = b < c", {"a = b <= c", "a = b >= c"}),
        ("a = b and c", {"a = b or c"}),
        ("a = not b", {"a = b"}),
        ("a = 5", {"a = 6", "a = 0"}),
        ("a = True", {"a = False"}),
        ("a = 'yes'", {"a = ''"}),
        ("a = b if c else d", {"a = b if not c else d"}),
        ("a = [b for b in c if d]", {"a = [b for b in c]"}),
        ("a += b", {"a -= b", "pass"}),
        ("a.append(b)", {"pass"}),
        ("def f():\n    return a", {"def f():\n    return None"}),
        ("for a in b:\n    break", {"for a in b:\n    pass"}),
        ("'a docstring'", set()),
        ("def f():\n    'a docstring'", set()),
    ],
)
def test_operators(code: str, mutated: set[str]) -> None:
    assert {mutant.code.strip() for mutant in mutants(code)} == mutated


def test_every_mutant_parses_differs_and_is_the_only_one_of_its_kind() -> None:
    found = mutants(CLAMP)
    trees = [ast.dump(ast.parse(mutant.code)) for mutant in found]
    assert len(set(trees)) == len(trees) == len(found) >= 8
    assert ast.dump(ast.parse(CLAMP)) not in trees
    assert {mutant.line for mutant in found} <= {3, 4, 5, 6, 7}


def test_a_limit_draws_the_same_ones_again() -> None:
    assert len(mutants(CLAMP, limit=3)) == 3
    assert mutants(CLAMP, limit=3, seed=1) == mutants(CLAMP, limit=3, seed=1)


async def test_good_tests_kill_more_than_weak_ones() -> None:
    async with FakeSandbox(unsafe_in_process) as sandbox:
        weak = await mutation_score(CLAMP, [plan(("(5, 0, 10)", "5"))], place, sandbox)
        cases = [("(5, 0, 10)", "5"), ("(-1, 0, 10)", "0"), ("(11, 0, 10)", "10")]
        good = await mutation_score(CLAMP, [plan(*cases)], place, sandbox)
    assert weak.total == good.total
    assert weak.killed < good.killed
    assert good.enough and not weak.enough
    # At the bounds both ways return the same: these two cannot be noticed.
    assert {mutant.operator for mutant in good.survivors} == {"comparison"}


async def test_nothing_to_mutate_is_not_enough() -> None:
    async with FakeSandbox(unsafe_in_process) as sandbox:
        score = await mutation_score("pass", [plan()], place, sandbox)
    assert (score.total, score.share, score.enough) == (0, 0.0, False)


async def test_untrusted_plans_kill_nothing() -> None:
    soft = plan(("(5, 0, 10)", "5")).model_copy(update={"trusted": False})
    async with FakeSandbox(unsafe_in_process) as sandbox:
        assert (await mutation_score(CLAMP, [soft], place, sandbox)).killed == 0


async def test_a_broken_platform_is_no_kill() -> None:
    def broken(job: SandboxJob) -> SandboxResult:
        return result_of(job, Outcome.SANDBOX_ERROR)

    async with FakeSandbox(broken) as sandbox:
        with pytest.raises(SandboxError, match="could not be judged"):
            await mutation_score(CLAMP, [plan(("(5, 0, 10)", "5"))], place, sandbox)
