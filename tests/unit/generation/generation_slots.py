"""Slots for the tests of this folder."""

from __future__ import annotations

from qlayer.generation.base import Slot
from qlayer.types.check import Case, CasesPlan, Expectation
from qlayer.types.spec import Example


def make_slot(
    signature: str = "def add(a: int, b: int) -> int",
    *,
    name: str = "add",
    context: str = "",
    allowed: tuple[str, ...] = (),
) -> Slot:
    case = Case(name="1: add(1, 2)", function="add", args="(1, 2)", expected=Expectation(value="3"))
    return Slot(
        name=name,
        path="src/sums/core.py",
        module="sums.core",
        signature=signature,
        brief="Add two numbers.",
        context=context,
        examples=(Example(function="add", args="(1, 2)", expected="3"),),
        allowed_imports=allowed,
        checks=(CasesPlan(module="sums.core", cases=(case,)),),
    )
