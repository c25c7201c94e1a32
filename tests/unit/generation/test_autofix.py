"""Each automatic fix: when it applies, and when it keeps its hands off."""

from __future__ import annotations

import ast

import pytest
from generation_slots import make_slot

from qlayer.generation import autofix as fixes
from qlayer.generation import reshape
from qlayer.generation.autofix import FIXES, autofix

GOOD = "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize("fix", FIXES, ids=lambda fix: str(fix.__name__))
def test_good_code_is_left_alone(fix: fixes.Fix) -> None:
    assert fix(GOOD, make_slot()) in (None, GOOD)


def test_nothing_applies_to_good_code() -> None:
    assert autofix(GOOD, make_slot()) == (GOOD, ())


@pytest.mark.parametrize(
    ("broken", "names", "expected"),
    [
        ("def add(a, b):\n\tif a:\n\t    return a\n        return b\n", ("expand_tabs",), None),
        (
            "def add(a, b):\n\tx = '''\n\t'''\n\treturn x\n",
            ("expand_tabs",),
            "def add(a, b):\n    x = '''\n\t'''\n",
        ),
        (">>> def add(a, b):\n...     return a + b\n", ("strip_prompts",), GOOD),
        (GOOD + ">>> add(1, 2)\n3\n", ("strip_prompts",), GOOD),
        ("    def add(a, b):\n        return a + b\n", ("dedent",), GOOD),
        (
            "    return a + b\n",
            ("dedent", "wrap_body"),
            "def add(a: int, b: int) -> int:\n    return a + b\n",
        ),
        (GOOD.rstrip() + "  # <-- the error is here\n", ("drop_mark",), GOOD),
        ("total = a + b\nreturn total", ("wrap_body",), None),
        (GOOD + "\nThis adds two numbers.\n", ("cut_tail",), GOOD),
        (
            "def add(a, b):\n    return sum([a, (b)",
            ("close_brackets",),
            "def add(a, b):\n    return sum([a, (b)])\n",
        ),
        ("async " + GOOD, ("match_async",), GOOD),
        (
            "class Solution:\n    def add(self, a, b):\n        return self.put(a, b)\n\n"
            "    def put(self, a, b):\n        return a + b\n",
            ("unwrap_method",),
            "def add(a, b):\n    return put(a, b)\n\n\ndef put(a, b):\n    return a + b\n",
        ),
        (
            "import math\n\n\nclass Adder:\n    @staticmethod\n"
            "    def add(a, b):\n        return math.fsum((a, b))\n",
            ("unwrap_method",),
            "import math\n\n\ndef add(a, b):\n    return math.fsum((a, b))\n",
        ),
        (GOOD + "\ndef test():\n    assert add(1,", ("cut_tail",), GOOD),
        ("def plus(a, b):\n    return a + b\n", ("rename_function",), GOOD),
        ("def add(x, y):\n    return x + y\n", ("rename_parameters",), GOOD),
        (GOOD + "\nprint(add(1, 2))\n", ("drop_example_code",), GOOD),
        (
            GOOD + "\nassert add(1, 2) == 3\nif __name__ == '__main__':\n    add(1, 2)\n",
            ("drop_example_code",),
            GOOD,
        ),
        (
            GOOD + "\nresult = add(1, 2)\n\ndef test_add():\n    assert add(1, 2)\n",
            ("drop_example_code",),
            GOOD,
        ),
        ("import numpy as np, math\n\n" + GOOD, ("drop_unused_imports",), GOOD),
        (
            "def add(a, b):\n    return floor(math.sqrt(a)) + b\n",
            ("add_imports",),
            "from math import floor\nimport math\n\ndef add(a, b):\n    return floor(math.sqrt(a)) + b\n",
        ),
    ],
)
def test_a_fix_repairs_its_defect(broken: str, names: tuple[str, ...], expected: str | None) -> None:
    code, applied = autofix(broken, make_slot())
    assert applied == names
    ast.parse(code)
    if expected is not None:
        assert code.strip().startswith(expected.strip())


def test_a_recursive_function_is_renamed_throughout() -> None:
    code, _ = autofix("def plus(a, b):\n    return plus(a, b - 1) if b else a\n", make_slot())
    assert "plus" not in code


@pytest.mark.parametrize(
    "code",
    [
        "def one(a):\n    return a\n\ndef two(a):\n    return one(a)\n",
        "def plus(a, b):\n    return add\n\nadd = plus\n",
    ],
)
def test_an_unclear_name_is_not_guessed(code: str) -> None:
    assert fixes.rename_function(code, make_slot()) is None


@pytest.mark.parametrize(
    "code", ["def add(x, b):\n    a = 1\n    return x + a + b\n", "def add(x):\n    return x\n"]
)
def test_parameters_are_not_renamed_into_a_clash(code: str) -> None:
    assert fixes.rename_parameters(code, make_slot()) is None


def test_parameters_that_nobody_named_keep_the_models_names() -> None:
    slot = make_slot("def add(arg1, arg2)")
    assert fixes.rename_parameters("def add(first, second):\n    return first\n", slot) is None


def test_what_the_function_uses_is_kept() -> None:
    code = (
        "import re\n\nLIMIT = 10\ntable = {}\nfor i in range(LIMIT):\n    table[i] = i\n\n\n"
        "def helper(x):\n    return table[x]\n\n\n"
        "def add(a, b):\n    return helper(a) + int(re.sub('x', '', b))\n"
    )
    assert autofix(code, make_slot()) == (code, ())


def test_imports_of_what_the_platform_defines_are_dropped() -> None:
    slot = make_slot("def add(store: Store, b: int) -> int", context="class Store: ...")
    code = "from app.store import Store\n\ndef add(store: Store, b: int) -> int:\n    return b\n"
    fixed, applied = autofix(code, slot)
    assert applied == ("drop_platform_imports",)
    assert "import" not in fixed


def test_names_of_the_context_are_not_imported() -> None:
    slot = make_slot(context="def sqrt(x): ...")
    assert fixes.add_imports("def add(a, b):\n    return sqrt(a)\n", slot) is None


def test_imports_that_the_template_forbids_are_not_added() -> None:
    slot = make_slot(allowed=("json",))
    assert fixes.add_imports("def add(a, b):\n    return sqrt(a)\n", slot) is None


@pytest.mark.parametrize(
    ("use", "line"),
    [
        ("datetime.now()", "from datetime import datetime"),
        ("datetime.datetime.now", "import datetime"),
        ("collections.Counter()", "import collections"),
        ("Counter()", "from collections import Counter"),
        ("List", "from typing import List"),
    ],
)
def test_the_usual_import_is_chosen(use: str, line: str) -> None:
    code, _ = autofix(f"def add(a, b):\n    return {use}\n", make_slot())
    assert code.startswith(line + "\n")


@pytest.mark.parametrize(
    "code",
    [
        "class A:\n    def __init__(self):\n        self.n = 0\n\n"
        "    def add(self, a, b):\n        return self.n + a\n",
        "class A:\n    base = 1\n\n    def add(self, a, b):\n        return a + b\n",
        "class A:\n    @property\n    def add(self, a, b):\n        return a + b\n",
        "class A(Exception):\n    pass\n",
    ],
)
def test_a_class_with_a_state_of_its_own_is_no_wrapped_function(code: str) -> None:
    assert reshape.unwrap_method(code, make_slot()) is None


def test_a_function_that_awaits_stays_async_and_one_that_must_be_becomes_so() -> None:
    waiting = "async def add(a, b):\n    return await a + b\n"
    assert reshape.match_async(waiting, make_slot()) is None
    slot = make_slot("async def add(a: int, b: int) -> int")
    assert reshape.match_async(GOOD, slot) == "async " + GOOD
