"""Fixes that people taught: what counts as mechanical, and where it is made again."""

from __future__ import annotations

import ast

import pytest
from memory_samples import sample_correction

from qlayer.generation.autofix import autofix
from qlayer.generation.base import Slot
from qlayer.generation.learned import apply_fix, fix_between
from qlayer.types.memory import MechanicalFix, Replacement, Rule

SLOT = Slot(name="f", path="m.py", module="m", signature="def f(items: list[int]) -> int", brief="anything")

GCD = "def f(x):\n    return gcd(x, 2)\n"
PUSH = "def f(x):\n    x.push(1)\n    x.push(2)\n"
CLOCK = (
    "from datetime import datetime\n\n\ndef f(x):\n    return datetime.utcnow()\n",
    "from datetime import UTC\nfrom datetime import datetime\n\n\ndef f(x):\n    return datetime.now(UTC)\n",
)


@pytest.mark.parametrize(
    ("wrong", "right", "text"),
    [
        (GCD, f"from math import gcd\n\n\n{GCD}", "add from math import gcd"),
        (PUSH, PUSH.replace("push", "append"), ".push -> .append"),
        (
            "def f(x):\n    return round(x)\n",
            "def f(x):\n    '''Doc.'''\n    return cents(x)\n",
            "round -> cents",
        ),
        (*CLOCK, "datetime.utcnow() -> datetime.now(UTC); add from datetime import UTC"),
    ],
)
def test_a_mechanical_edit_is_read_off_and_reproduces_it(wrong: str, right: str, text: str) -> None:
    fix = fix_between(wrong, right)
    assert fix is not None and str(fix) == text
    made = apply_fix(wrong, fix)
    assert made is not None
    assert apply_fix(made, fix) is None, "made once, it has nothing more to do"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("def f(x):\n    return x\n", "def f(x):\n    return x\n"),
        ("def f(x):\n    return x - 1\n", "def f(x):\n    return x\n"),
        ("def f(x):\n    return range(0, 5)[0]\n", "def f(x):\n    return range(1, 5)[0]\n"),
        ("def f(x):\n    if x:\n        return 1\n", "def f(x):\n    return 1 if x else 0\n"),
        ("def f(x):\n    y = x\n    return y\n", "def f(x):\n    z = x\n    return z\n"),
        ("def f(x):\n    return a(b(c(x)))\n", "def f(x):\n    return d(e(g(x)))\n"),
        ("def f(x:\n", "def f(x):\n    return 1\n"),
    ],
    ids=["nothing", "own variable", "a constant", "structure", "own name", "a rewrite", "broken"],
)
def test_what_depends_on_the_program_is_not_mechanical(wrong: str, right: str) -> None:
    assert fix_between(wrong, right) is None


def test_a_fix_leaves_the_programs_own_names_and_every_other_byte() -> None:
    fix = MechanicalFix(replacements=(Replacement(kind="name", wrong="round", right="cents"),))
    assert apply_fix("def f(x):\n    return  round( x )  # ü round\n", fix) == (
        "def f(x):\n    return  cents( x )  # ü round\n"
    )
    assert apply_fix("def round(x):\n    return x\n\ndef f(x):\n    return round(x)\n", fix) is None
    assert apply_fix("def f(round):\n    return round(1)\n", fix) is None


def test_an_import_is_added_only_where_its_name_is_lacking() -> None:
    fix = MechanicalFix(imports=("from house import cents",))
    assert apply_fix("def f(x):\n    return cents(x)\n", fix) == (
        "from house import cents\n\n\ndef f(x):\n    return cents(x)\n"
    )
    assert apply_fix("def f(x):\n    return x\n", fix) is None
    assert apply_fix("def f(cents):\n    return cents(1)\n", fix) is None
    assert apply_fix("def f(x):\n    return cents(x)\n", fix, known={"cents"}) is None


def test_a_rule_is_one_of_the_automatic_fixes_under_its_id() -> None:
    fix = MechanicalFix(replacements=(Replacement(kind="attribute", wrong="push", right="append"),))
    rule = Rule(signature="AttributeError", fix=fix, evidence=(sample_correction().id,))
    code = "def f(items):\n    items.push(1)\n    return 1\n"
    assert autofix(code, SLOT)[1] == (), "without the rule the code stays"
    fixed, applied = autofix(code, SLOT.model_copy(update={"rules": (rule,)}))
    assert applied == (rule.id,)
    assert ast.dump(ast.parse(fixed)) == ast.dump(ast.parse(code.replace("push", "append")))
