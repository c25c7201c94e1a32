"""Judges a `CasesPlan` on a project on disk, in an interpreter of its own (trusted test code only)."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from qlayer.sandbox import compare
from qlayer.types.check import CasesPlan
from qlayer.types.source import SourceTree

_PLAYER = """\
import ast, importlib, sys
sys.path[:0] = [".", "src"]
module, cases = ast.literal_eval(sys.stdin.read())
loaded = importlib.import_module(module)
answers = []
for function, args, kwargs in cases:
    try:
        answers.append((True, getattr(loaded, function)(*ast.literal_eval(args), **ast.literal_eval(kwargs))))
    except Exception as error:
        answers.append((False, type(error).__name__))
print(repr(answers))
"""


def passed(tree: SourceTree, folder: Path, plan: CasesPlan) -> list[bool]:
    """For each case of the plan whether it is met."""
    for path, data in tree.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    calls = repr((plan.module, [(case.function, case.args, case.kwargs) for case in plan.cases]))
    command = [sys.executable, "-W", "error", "-c", _PLAYER]
    done = subprocess.run(
        command, cwd=folder, input=calls, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    answers = ast.literal_eval(done.stdout.splitlines()[-1])
    return [
        case.expected is None or (returned and compare.meets(case.expected, value))
        for case, (returned, value) in zip(plan.cases, answers, strict=True)
    ]
