"""A benchmark through the product: the rows hold the truth, replays ask nobody, missing answers are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluating import RIGHT, WRONG, platform_for

from jobs.benchmarks import Task
from jobs.function_suite import run_functions
from jobs.ledger import open_ledger
from jobs.results import TaskResult
from jobs.resumable import Done
from qlayer.llm.base import ChatRequest
from qlayer.types.run import AttemptKind
from qlayer.types.verdict import Outcome

TASK = Task(
    id="t",
    text="def inc(x: int) -> int:\n    '''Add one.\n\n    >>> inc(1)\n    2\n"
    "    >>> inc(5)\n    6\n    '''\n",
    entry_point="inc",
    tests="hidden",
)
OTHER = TASK.model_copy(update={"id": "u", "text": TASK.text.replace("Add one", "Count up")})
LACKING = "```python\ndef inc(x):\n    return int(math.fsum([x + 1]))\n```"


def greedy_is_wrong(request: ChatRequest) -> str:
    return WRONG if request.sampling.temperature == 0 else RIGHT


async def evaluated(
    folder: Path, answer: Any, *tasks: Task, out: str = "out", **setup: Any
) -> tuple[Done[TaskResult], int]:
    async with platform_for(folder / out, answer, **setup) as (platform, made, llm):
        with open_ledger(made.out / "results.jsonl", TaskResult) as ledger:
            done = await run_functions(platform, made, "bench", tasks, ledger, quiet=True)
        return done, len(llm.requests)


async def test_one_run_gives_greedy_selected_and_the_truth_about_every_program(tmp_path: Path) -> None:
    done, _ = await evaluated(tmp_path, greedy_is_wrong, TASK)
    (row,) = done.rows
    assert (row.greedy, row.final, row.oracle_right) == (Outcome.WRONG_ANSWER, Outcome.ACCEPTED, True)
    assert [one.kind for one in row.candidates][:2] == [AttemptKind.GREEDY, AttemptKind.SAMPLE]
    assert [one.right for one in row.candidates] == [False, *[True] * (len(row.candidates) - 1)]
    assert len({one.program for one in row.candidates}) == 2, "alike programs are one"
    assert 0 < row.random_right < 1 and row.level is not None


async def test_what_a_fix_rescued_is_known(tmp_path: Path) -> None:
    done, _ = await evaluated(tmp_path, lambda _: LACKING, TASK)
    first = done.rows[0].candidates[0]
    assert (first.broken, first.fixes, first.right) == (True, ("add_imports",), True)


async def test_a_run_that_keeps_nothing_is_wrong(tmp_path: Path) -> None:
    done, _ = await evaluated(tmp_path, lambda _: "I cannot.", TASK)
    (row,) = done.rows
    assert (row.final, row.right, row.random_right) == (Outcome.COMPILE_ERROR, False, 0.0)


async def test_seeds_are_runs_of_their_own_in_one_ledger(tmp_path: Path) -> None:
    done, _ = await evaluated(tmp_path, greedy_is_wrong, TASK, seeds=(0, 3))
    assert [row.seed for row in done.rows] == [0, 3]
    again, asked = await evaluated(tmp_path, None, TASK, seeds=(3, 0))
    assert (again.resumed, asked, [row.seed for row in again.rows]) == (2, 0, [3, 0])


async def test_a_replay_asks_nobody_and_gives_the_same(tmp_path: Path) -> None:
    log = tmp_path / "log"
    logged, asked = await evaluated(tmp_path, greedy_is_wrong, TASK, log=log)
    replayed, none = await evaluated(tmp_path, None, TASK, out="replay", log=log, replay_only=True)
    assert asked > 0 and none == 0 and replayed.incomplete == 0
    assert [row.final for row in replayed.rows] == [row.final for row in logged.rows]
    assert replayed.rows[0].key != logged.rows[0].key, "how it was done is part of the plan"


async def test_what_the_log_lacks_is_counted_left_out_and_taken_up_when_it_is_there(tmp_path: Path) -> None:
    log = tmp_path / "log"
    await evaluated(tmp_path, greedy_is_wrong, TASK, log=log)
    replay = {"out": "replay", "log": log, "replay_only": True}
    lacking, _ = await evaluated(tmp_path, None, TASK, OTHER, **replay)
    assert (lacking.incomplete, [row.task for row in lacking.rows]) == (1, ["t"])
    await evaluated(tmp_path, greedy_is_wrong, OTHER, log=log)
    whole, _ = await evaluated(tmp_path, None, TASK, OTHER, **replay)
    assert (whole.incomplete, whole.resumed, len(whole.rows)) == (0, 1, 2)
