"""The static gate: what is fatal, what is noted, and what equal programs are."""

from __future__ import annotations

import pytest
from generation_slots import make_slot

from qlayer.generation.gate import MAX_CODE_BYTES, ast_digest, inspect

GOOD = "def add(a, b):\n    return a + b\n"


def fatal(code: str, **slot: object) -> list[str]:
    return [d.rule for d in inspect(code, make_slot(**slot)) if d.fatal]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "code",
    [
        GOOD,
        "def add(a: int, b: int) -> int:\n    return a + b\n",
        "def add(a, b, c=0):\n    return a + b + c\n",
        "def add(*args):\n    return sum(args)\n",
        "import math\n\ndef add(a, b):\n    return math.fsum([a, b])\n",
        "from urllib.parse import quote\n\ndef add(a, b):\n    return quote(a)\n",
        "from urllib import parse\n\ndef add(a, b):\n    return parse.quote(a)\n",
        "from math import *\n\ndef add(a, b):\n    return sqrt(a)\n",
        "def add(a, b):\n    return eval(f'{a}+{b}')\n",
    ],
)
def test_good_code_passes(code: str) -> None:
    assert fatal(code) == []


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("", "no-code"),
        ("def add(a, b:\n    return", "syntax"),
        ("def add(a, b):\n    return '\0'\n", "syntax"),
        ("def add(a, b):\n    return " + "(" * 500 + "1" + ")" * 500, "syntax"),
        ("def add(a, a):\n    return a\n", "syntax"),
        ("return 1\n" + GOOD, "syntax"),
        ("def add(a, b):\n    break\n", "syntax"),
        ("x = '" + "a" * MAX_CODE_BYTES + "'\n" + GOOD, "size"),
        ("def plus(a, b):\n    return a + b\n", "missing-function"),
        ("add = lambda a, b: a + b\n", "missing-function"),
        ("def add(a, b):\n    '''Add.'''\n", "empty"),
        ("def add(a, b):\n    pass\n", "empty"),
        ("def add(a, b):\n    raise NotImplementedError\n", "empty"),
        ("async def add(a, b):\n    return a + b\n", "async"),
        ("def add(a):\n    return a\n", "signature"),
        ("def add(a, b, c):\n    return a\n", "signature"),
        ("def add(a, b):\n    return total\n", "F821"),
        ("def add(a, b):\n    x = x + 1\n    return x\n", "F821"),
        ("import subprocess\n\n" + GOOD, "denied-import"),
        ("import os.path\n\n" + GOOD, "denied-import"),
        ("import urllib.request\n\n" + GOOD, "denied-import"),
        ("from . import x\n\n" + GOOD, "denied-import"),
        ("def add(a, b):\n    import socket\n    return a\n", "denied-import"),
        ("def add(a, b):\n    return __import__('os').system(a)\n", "denied-call"),
    ],
)
def test_a_fatal_defect_is_named(code: str, rule: str) -> None:
    assert rule in fatal(code)


def test_a_fatal_finding_says_where() -> None:
    found = inspect("def add(a, b):\n    x = a\n    return y\n", make_slot())
    assert [(d.rule, d.line) for d in found] == [("F821", 3)]


def test_the_platforms_names_are_known() -> None:
    code = "def add(a, b):\n    return poly(a) + LIMIT + math.pi\n"
    assert fatal(code) == ["F821"] * 3
    assert fatal(code, context="import math\nLIMIT: int = 3\ndef poly(x: list) -> float") == []


def test_a_template_may_allow_its_own_modules_and_no_others() -> None:
    code = "import json\nfrom app.models import Book\n\ndef add(a, b):\n    return json.dumps(a)\n"
    assert fatal(code) == ["denied-import"]
    assert fatal(code, allowed=("json", "app")) == []
    assert fatal("import math\n\n" + GOOD, allowed=("json",)) == ["denied-import"]


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("def add(x, y):\n    return x + y\n", "parameter-names"),
        ("def add(a, b):\n    return eval(a)\n", "risky-call"),
    ],
)
def test_some_things_are_only_noted(code: str, rule: str) -> None:
    assert [(d.rule, d.fatal) for d in inspect(code, make_slot())] == [(rule, False)]


def test_warnings_of_the_compiler_do_not_escape() -> None:
    assert fatal("def add(a, b):\n    return a is 1 or '\\d'\n") == []


def test_equal_programs_have_equal_digests() -> None:
    digest = ast_digest(GOOD)
    assert digest is not None
    assert digest == ast_digest("def add(a,b):\n\n    # the sum\n    return (a + b)")
    assert digest == ast_digest("def add(a, b):\n    '''Add.'''\n    return a + b\n")
    assert digest != ast_digest("def add(a, b):\n    return b + a\n")
    assert ast_digest("def add(") is None
