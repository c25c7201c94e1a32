"""Short forms become jobs; a bad line is named with its field before anything is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qlayer.errors import InputError
from qlayer.sandbox.base import OutputMatch, ProgramJob, SplitJob, ValuesJob
from qlayer.types.language import Language
from qlayer.validation.job_files import NamedJob, is_program_folder, read_lines, read_programs

PROGRAM = {"program": "print(1)", "expected": "1"}


def read(tmp_path: Path, *rows: Any) -> tuple[NamedJob, ...]:
    path = tmp_path / "jobs.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return read_lines(path)


def test_programs(tmp_path: Path) -> None:
    first, second = read(
        tmp_path,
        {"id": "a", "tenant": "t", **PROGRAM, "stdin": "x", "argv": ["-v"], "limits": {"wall_s": 3}},
        "",
        {"program": "int main(){}", "language": "c", "files": {"a.h": "#define X 1"}},
    )
    assert (first.id, first.tenant, first.limits.wall_s) == ("a", "t", 3)
    assert isinstance(first.job, ProgramJob)
    assert (first.job.stdin, first.job.expected_stdout, first.job.argv) == (b"x", b"1", ("-v",))
    assert first.job.output_match is OutputMatch.LINES
    assert isinstance(second.job, ProgramJob)
    assert (second.id, second.job.path, second.job.language) == ("line-3", "main.c", Language.C)
    assert set(second.job.tree.paths()) == {"a.h", "main.c"}


def test_code_with_tests_and_code_with_cases(tmp_path: Path) -> None:
    tests, values = read(
        tmp_path,
        {"code": "def f(): ...", "tests": "assert f() is None", "entry_point": "f"},
        {"code": "def f(): ...", "cases": [{"function": "f", "expected": "None"}]},
    )
    assert isinstance(tests.job, SplitJob)
    assert tests.job.function == "f"
    assert isinstance(values.job, ValuesJob)
    assert values.job.cases[0].expected is not None


def test_lines_of_benchmarks(tmp_path: Path) -> None:
    humaneval, mbpp = read(
        tmp_path,
        {
            "task_id": "HumanEval/0",
            "prompt": "from math import sqrt\n\ndef f(x):\n    '''doc'''\n",
            "completion": "    return x\n",
            "canonical_solution": "    return x\n",
            "test": "def check(candidate):\n    assert candidate(1) == 1\n",
            "entry_point": "f",
        },
        {
            "task_id": 7,
            "text": "t",
            "code": "def g(x):\n    return x\n",
            "test_list": ["assert set(g([1])) == {1}"],
        },
    )
    assert isinstance(humaneval.job, SplitJob)
    assert humaneval.id == "HumanEval/0"
    assert humaneval.job.tests.startswith("from math import sqrt")
    assert humaneval.job.tests.endswith("check(f)\n")
    assert isinstance(mbpp.job, SplitJob)
    assert (mbpp.id, mbpp.job.function) == ("7", "g")


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        ("{", "line 2", "JSON"),
        ("[]", "line 2", "no known form"),
        ({"id": "x"}, "line 2", "no known form"),
        ({"program": 3}, "line 2: program", "string"),
        ({**PROGRAM, "limits": {"wall_s": -1}}, "line 2: limits.wall_s", "greater than 0"),
        ({**PROGRAM, "surprise": 1}, "line 2: surprise", "not permitted"),
        ({**PROGRAM, "files": {"../x": ""}}, "line 2: files.../x.[key]", "relative"),
        ({"code": "x", "test_list": ["assert ("]}, "line 2: test_list.0", "no Python"),
        ({"id": "first", **PROGRAM}, "line 2: id", "used on line 1"),
    ],
)
def test_a_bad_line_is_named_with_its_field(tmp_path: Path, row: Any, field: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, {"id": "first", **PROGRAM}, row)
    assert caught.value.field == field
    assert words in caught.value.message
    assert "line 2" in caught.value.message


def test_a_folder_of_programs(tmp_path: Path) -> None:
    (tmp_path / "sum.py").write_text("print(input())")
    assert not is_program_folder(tmp_path)
    (tmp_path / "sum.in").write_text("5\n")
    (tmp_path / "sum.out").write_text("5\n")
    (tmp_path / "free.sh").write_text("exit 0")
    assert is_program_folder(tmp_path)
    free, total = read_programs(tmp_path)
    assert isinstance(free.job, ProgramJob)
    assert isinstance(total.job, ProgramJob)
    assert (free.id, free.job.language, free.job.expected_stdout) == ("free.sh", Language.BASH, None)
    assert (total.id, total.job.stdin, total.job.expected_stdout) == ("sum.py", b"5\n", b"5\n")
