"""The proof of a slot in the real sandbox: right, subtly wrong, crashing, and endless once mutated."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sandbox_backends import opened

from qlayer.sandbox.base import Sandbox
from qlayer.types.check import Case, CasesPlan, Expectation, Level
from qlayer.types.source import SourceTree
from qlayer.types.spec import Example
from qlayer.validation.levels import level_of
from qlayer.validation.proof import Subject, prove

SIGNATURE = "def digits(n: int) -> int"
RIGHT = """def digits(n):
    total = 0
    while n > 0:
        total += n % 10
        n //= 10
    return total
"""
RIGHT_TOO = "def digits(n):\n    return sum(map(int, str(n))) if n > 0 else 0\n"
FIRST_TWO = "def digits(n):\n    return n // 10 % 10 + n % 10 if n > 0 else 0\n"
TABLE = "def digits(n):\n    return {7: 7, 42: 6}[n]\n"
EXAMPLES = (("(7,)", "7"), ("(42,)", "6"))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with opened("warm") as started:
        yield started


def place(code: str) -> SourceTree:
    return SourceTree(files={"m.py": code.encode()})


def subject() -> Subject:
    cases = tuple(
        Case(name=args, function="digits", args=args, expected=Expectation(value=value))
        for args, value in EXAMPLES
    )
    examples = tuple(Example(function="digits", args=args, expected=value) for args, value in EXAMPLES)
    checks = (CasesPlan(module="m", cases=cases),)
    return Subject(slot="digits", module="m", signature=SIGNATURE, examples=examples, checks=checks)


async def test_a_right_one_is_proved_though_its_mutants_never_end(sandbox: Sandbox) -> None:
    proof = await prove(subject(), RIGHT, [RIGHT_TOO], 2, place, sandbox)
    assert level_of(proof) is Level.V4, proof.reasons
    assert proof.mutants > 5 and proof.crash_free == 1.0


async def test_a_subtly_wrong_one_is_not(sandbox: Sandbox) -> None:
    proof = await prove(subject(), FIRST_TWO, [RIGHT], 2, place, sandbox)
    assert level_of(proof) is Level.V2
    assert 0 < proof.agreements[0] < 1, "they differ from three digits on"


async def test_one_that_knows_its_examples_alone_is_not(sandbox: Sandbox) -> None:
    proof = await prove(subject(), TABLE, [RIGHT], 2, place, sandbox)
    assert level_of(proof) is Level.V2 and proof.crash_free < 0.2
