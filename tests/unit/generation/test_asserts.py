"""What a model asserts is read as data: only plain calls with plain answers, and none that it contradicts."""

from __future__ import annotations

import pytest
from generation_slots import make_slot

from qlayer.generation.asserts import MAX_ASSERTS, listed_inputs, parse_asserts, soft_asserts_prompt
from qlayer.types.spec import Spec

SLOT = make_slot()


def pairs(text: str) -> list[tuple[str, str]]:
    return [(case.args, case.expected.value) for case in parse_asserts(text, SLOT) if case.expected]


def test_asserts_of_a_fenced_block_become_cases() -> None:
    cases = parse_asserts("```python\nassert add(2, 2) == 4\nassert add(-1, 1) == 0, 'zero'\n```\n", SLOT)
    assert [(case.name, case.function, case.args) for case in cases] == [
        ("soft 1", "add", "(2, 2)"),
        ("soft 2", "add", "(-1, 1)"),
    ]
    assert [case.expected and case.expected.value for case in cases] == ["4", "0"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("assert add(2, 2) is None", "None"),
        ("assert add(2, 2)", "True"),
        ("assert not add(2, 2)", "False"),
        ("assert 4 == add(2, 2)", "4"),
        ("assert (add(2, 2) == [1] * 2)", "[1, 1]"),
    ],
)
def test_other_forms_of_the_same(line: str, expected: str) -> None:
    assert pairs(line) == [("(2, 2)", expected)]


@pytest.mark.parametrize(
    "line",
    [
        "assert add(x, 2) == 4",
        "assert add(2, 2) == sum([2, 2])",
        "assert add(2, 2) != 5",
        "assert abs(add(2, 2) - 4) < 1e-6",
        "assert add(*[2, 2]) == 4",
        "assert sub(2, 2) == 0",
        "assert 1 < add(2, 2) < 5",
        "assert __import__('os').system('true') == 0",
    ],
)
def test_what_is_no_plain_call_with_a_plain_answer_is_passed_over(line: str) -> None:
    assert pairs(line) == []


def test_a_broken_line_or_prose_costs_only_itself() -> None:
    text = "Here are the tests:\n- `assert add(1, 1) == 2`\nassert add(2, == 4\n    assert add(3, 3) == 6\n"
    assert pairs(text) == [("(1, 1)", "2"), ("(3, 3)", "6")]


def test_asserts_inside_a_test_function_count() -> None:
    assert pairs("def test_add():\n    assert add(4, 4) == 8\n") == [("(4, 4)", "8")]


def test_a_call_with_two_answers_and_one_that_an_example_settles_are_left_out() -> None:
    text = "assert add(5, 5) == 10\nassert add(5, 5) == 11\nassert add(1, 2) == 4\nassert add(6, 6) == 12\n"
    assert pairs(text) == [("(6, 6)", "12")]


def test_a_flood_of_asserts_is_cut() -> None:
    text = "".join(f"assert add({n}, 0) == {n}\n" for n in range(1_000))
    assert len(pairs(text)) == MAX_ASSERTS


def test_every_literal_call_is_an_input() -> None:
    lines = ("assert add(1, 5) > 0", "print(add(2, 5))", "assert add(3, 5) == g(add(4, 5))", "add(y, 1)")
    text = "\n".join((*lines, "x = add(5, 5)"))
    assert listed_inputs(text, SLOT) == ("(1, 5)", "(2, 5)", "(3, 5)", "(4, 5)", "(5, 5)")


def test_the_prompt_shows_the_function_and_asks_for_asserts_only() -> None:
    system, user = soft_asserts_prompt(SLOT, Spec(title="add", description="Add two numbers."))
    assert system.role == "system"
    assert "def add(a: int, b: int) -> int:" in user.content
    assert "`assert add(...) == ...`" in user.content
