"""Which tasks an evaluation takes, and what its command refuses before anything is opened."""

from __future__ import annotations

from random import Random

import pytest
import typer
from typer.testing import CliRunner

from jobs.benchmarks import Task
from jobs.evaluate import main, some_of
from qlayer.errors import InputError

TASKS = tuple(Task(id=str(n), text="", entry_point="f", tests="") for n in range(20))


def test_a_random_subset_is_the_same_everywhere() -> None:
    wanted = sorted(Random(0).sample(range(20), 5))
    assert [int(task.id) for task in some_of(TASKS, 5)] == wanted
    assert some_of(TASKS, None) == TASKS


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(InputError, match="fewer"):
        some_of(TASKS, 21)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--replay-only"], "nothing to replay"),
        (["--suite", "briefs", "--first", "40"], "no brief is left"),
        (["--benchmark", "missing.jsonl"], "is no file"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_in_words(arguments: list[str], message: str) -> None:
    command = typer.Typer()
    command.command()(main)
    ended = CliRunner().invoke(command, arguments)
    assert (ended.exit_code, message in ended.output) == (InputError.exit_code, True)
