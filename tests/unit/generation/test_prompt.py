"""Prompts: short, deterministic, one fenced block."""

from __future__ import annotations

import ast

import pytest
from generation_slots import make_slot

from qlayer.generation.prompt import MAX_BRIEF_CHARS, PHRASINGS, call_line, greedy_prompt
from qlayer.types.spec import Example, Spec

SPEC = Spec(title="Add", description="Add two numbers.")


def code_of(text: str) -> str:
    parts = text.split("```")
    assert len(parts) == 3, "exactly one fenced block"
    return parts[1].removeprefix("python\n")


def test_the_prompt_shows_head_brief_context_and_examples() -> None:
    system, user = greedy_prompt(make_slot(context="import math"), SPEC)
    assert (system.role, user.role) == ("system", "user")
    code = code_of(user.content)
    ast.parse(code)
    assert code == (
        "import math\n\n\ndef add(a: int, b: int) -> int:\n"
        '    """Add two numbers.\n    >>> add(1, 2) == 3\n    """\n'
    )


def test_it_is_short_and_always_the_same() -> None:
    first = greedy_prompt(make_slot(), SPEC)
    assert first == greedy_prompt(make_slot(), SPEC)
    assert sum(len(message.content) for message in first) < 350 * 3


def test_examples_that_the_brief_holds_are_not_repeated() -> None:
    slot = make_slot().model_copy(update={"brief": "Add.\n>>> add(1,2)\n3"})
    assert greedy_prompt(slot, SPEC)[1].content.count("add(1") == 1


def test_at_most_three_examples_are_shown_and_no_huge_ones() -> None:
    examples = [Example(function="add", args=f"({i}, 1)", expected=str(i + 1)) for i in range(9)]
    huge = Example(function="add", args=f"({list(range(500))}, 1)", expected="1")
    slot = make_slot().model_copy(update={"examples": (huge, *examples)})
    assert greedy_prompt(slot, SPEC)[1].content.count(">>>") == 3


@pytest.mark.parametrize(
    "brief", ['Ends with "quotes"', 'Has """ inside', "Back\\slash", "a\nb", "x" * 90_000]
)
def test_any_brief_makes_valid_code(brief: str) -> None:
    user = greedy_prompt(make_slot().model_copy(update={"brief": brief}), SPEC)[1].content
    ast.parse(code_of(user))
    assert len(user) < MAX_BRIEF_CHARS + 2_000


def test_three_phrasings_come_round() -> None:
    prompts = [greedy_prompt(make_slot(), SPEC, phrasing=n) for n in range(4)]
    assert len(PHRASINGS) == 3
    assert len(set(prompts[:3])) == 3
    assert prompts[3] == prompts[0]


@pytest.mark.parametrize(
    ("example", "line"),
    [
        (Example(function="f", args="(1,)", expected="2"), "f(1) == 2"),
        (Example(function="f", args="((1,),)", expected="2"), "f((1,)) == 2"),
        (Example(function="f", args="()", kwargs="{'a': 1}", expected="2"), "f(a=1) == 2"),
        (Example(function="f", args="(0,)", kwargs="{'a': 1}", expected="2"), "f(0, a=1) == 2"),
        (Example(function="f", args="(-1,)", expected="ValueError", raises=True), "f(-1) raises ValueError"),
    ],
)
def test_an_example_as_a_line(example: Example, line: str) -> None:
    assert call_line(example) == line
