"""Which tasks an evaluation takes."""

from __future__ import annotations

from random import Random

import pytest

from jobs.benchmarks import Task
from jobs.evaluate import some_of
from qlayer.errors import InputError

TASKS = tuple(Task(id=str(n), text="", entry_point="f", tests="") for n in range(20))


def test_a_random_subset_is_the_same_everywhere() -> None:
    wanted = sorted(Random(0).sample(range(20), 5))
    assert [int(task.id) for task in some_of(TASKS, 5)] == wanted
    assert some_of(TASKS, None) == TASKS


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(InputError, match="fewer"):
        some_of(TASKS, 21)
