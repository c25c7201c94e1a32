"""The function family: what it instantiates boots, is clean, and its tests can pass and fail."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from qlayer.errors import InputError
from qlayer.generation.base import Skeleton
from qlayer.generation.intake import parse_spec
from qlayer.generation.splice import fill
from qlayer.generation.templates.function import FunctionTemplate
from qlayer.types.check import CasesPlan, Comparison, PytestPlan
from qlayer.types.source import SourceTree

TEXT = '''# Roots

Roots of numbers.

```python
import math
from typing import List

def roots(values: List[float], *, digits: int = 2) -> List[float]:
    """The square root of each value, rounded. Ends with a "quote"

    >>> roots([4.0, 2.0])
    [2.0, 1.41]
    >>> roots([2.0], digits=0)
    [1.0]
    """
```

- roots([]) == []
- roots([-1.0]) raises ValueError
- roots(None) raises TypeError
'''
SOLUTION = "def roots(values, *, digits=2):\n    return [round(math.sqrt(v), digits) for v in values]\n"


def skeleton(text: str = TEXT) -> Skeleton:
    return FunctionTemplate().instantiate(parse_spec(text))


def write(tree: SourceTree, folder: Path) -> None:
    for path, data in tree.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_tree_has_what_a_library_needs() -> None:
    assert list(skeleton().tree.paths()) == [
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "src/roots/__init__.py",
        "src/roots/core.py",
        "tests/test_roots.py",
    ]


def test_the_skeletons_tests_fail_and_the_filled_ones_pass(tmp_path: Path) -> None:
    made = skeleton()
    plan = made.final[-1]
    assert isinstance(plan, PytestPlan) and not plan.trusted
    write(made.tree, tmp_path)
    bare = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider")
    assert "5 failed" in bare.stdout, bare.stdout
    write(fill(made.tree, made.slots[0], SOLUTION), tmp_path)
    full = run(tmp_path, "pytest", "-v", "-p", "no:cacheprovider")
    assert full.returncode == 0, full.stdout
    assert all(f"{test} PASSED" in full.stdout for test in plan.expected_tests)
    lint = run(tmp_path, "ruff", "check", "--no-cache", ".")
    assert lint.returncode == 0, lint.stdout


def test_trusted_examples_become_cases() -> None:
    made = skeleton()
    plan = made.final[0]
    assert isinstance(plan, CasesPlan) and plan.trusted
    assert made.slots[0].checks == (plan,)
    assert plan.module == "roots.core"
    assert [
        (c.args, c.kwargs, c.expected.comparison, c.expected.value) for c in plan.cases if c.expected
    ] == [
        ("([4.0, 2.0],)", "{}", Comparison.EQUALS, "[2.0, 1.41]"),
        ("([2.0],)", "{'digits': 0}", Comparison.EQUALS, "[1.0]"),
        ("([],)", "{}", Comparison.EQUALS, "[]"),
        ("([-1.0],)", "{}", Comparison.RAISES, "ValueError"),
        ("(None,)", "{}", Comparison.RAISES, "TypeError"),
    ]
    assert [c.expected.rel_tol > 0 for c in plan.cases if c.expected] == [True, True, False, False, False]
    assert len({c.name for c in plan.cases}) == 5


def test_the_same_request_gives_the_same_bytes() -> None:
    assert skeleton().tree.digest == skeleton().tree.digest
    assert skeleton() == skeleton()


@pytest.mark.parametrize(
    ("text", "package", "signature"),
    [
        ("Write a function that says whether a word is a palindrome", None, "(value)"),
        ("assert sum_of(1, 2) == 3", "sum_of", "def sum_of(arg1, arg2)"),
        ("def minSubArraySum(nums):\n    '''Sum.'''", "min_sub_array_sum", "def minSubArraySum(nums)"),
        ("def json(x):\n    '''Dump.'''", "json_lib", "def json(x)"),
        ("def test(x):\n    '''Dump.'''", "test_lib", "def test(x)"),
        ("def f(x: Dict[str, int]) -> Optional[int]:\n    '''Dump.'''", "f", None),
        ("Überprüfe, ob ein Wort gleich bleibt", None, None),
        ("日本語の説明", None, "def solve(value)"),
        ("Write `class_(x)`, please. class_(1) == 2", "class_", "def class_(x)"),
        ('def q(x):\n    """Ends in a backslash \\\\"""', "q", None),
    ],
)
def test_any_request_gives_code_that_imports(text: str, package: str | None, signature: str | None) -> None:
    made = skeleton(text)
    slot = made.slots[0]
    if package is not None:
        assert slot.module == f"{package}.core"
    if signature is not None:
        assert signature in slot.signature
    source = made.tree.text(slot.path)
    namespace: dict[str, object] = {}
    exec(compile(source, slot.path, "exec"), namespace)
    with pytest.raises((NotImplementedError, TypeError)):
        namespace[slot.name](1)  # type: ignore[operator]
    for path, data in made.tree.files.items():
        if path.endswith(".py"):
            ast.parse(data)


def test_without_examples_a_test_still_stands() -> None:
    made = skeleton("def f(x):\n    '''Same.'''")
    assert made.slots[0].checks == ()
    assert [plan.kind for plan in made.final] == ["pytest"]
    assert made.final[0].expected_tests == ("tests/test_f.py::test_is_callable",)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(x: Matrix) -> int:\n    '''Sum.'''", "uses Matrix"),
        ("async def f(x):\n    '''Sum.'''", "asynchronous"),
    ],
)
def test_what_is_missing_is_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        skeleton(text)


def test_several_functions_are_slots_of_one_module_and_each_is_proved_by_its_own_examples() -> None:
    text = (
        "# Scores\n\n```python\ndef clean(text: str) -> list[int]:\n    '''The numbers.'''\n\n"
        "def best(text: str) -> int:\n    '''The highest number.'''\n```\n\n"
        '- clean("1 2") == [1, 2]\n- best("1 5") == 5\n'
    )
    made = skeleton(text)
    assert [slot.name for slot in made.slots] == ["clean", "best"]
    for slot in made.slots:
        (plan,) = slot.checks
        assert isinstance(plan, CasesPlan) and [case.function for case in plan.cases] == [slot.name]
    assert "def clean" in made.slots[1].context and "def clean" not in made.slots[0].context
    tree = fill(made.tree, made.slots[0], "def clean(text):\n    return [int(p) for p in text.split()]\n")
    tree = fill(tree, made.slots[1], "def best(text):\n    return max(clean(text))\n")
    core = next(tree.text(path) for path in tree.paths() if path.endswith("core.py"))
    names: dict[str, object] = {}
    exec(compile(core, "core.py", "exec"), names)
    assert names["best"]("3 9 1") == 9  # type: ignore[operator]
