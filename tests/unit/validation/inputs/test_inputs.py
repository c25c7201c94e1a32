"""Inputs fit the parameters, stay near the examples, and are the same for the same seed."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from qlayer.types.spec import Example
from qlayer.validation.inputs.draw import draw_inputs


def example(args: str) -> Example:
    return Example(function="f", args=args, expected="None")


def drawn(head: str, *examples: str, count: int = 50, **more: Any) -> list[tuple[Any, ...]]:
    return [
        ast.literal_eval(text)
        for text in draw_inputs(head, [example(args) for args in examples], count=count, **more)
    ]


@pytest.mark.parametrize(
    ("head", "legal"),
    [
        ("def f(n: int) -> int", lambda n: type(n) is int),
        ("def f(n: float)", lambda n: type(n) is float),
        ("def f(xs: list[str])", lambda xs: type(xs) is list and all(type(x) is str for x in xs)),
        ("def f(xs: 'List[int]')", lambda xs: type(xs) is list and all(type(x) is int for x in xs)),
        ("def f(x: int | None)", lambda x: x is None or type(x) is int),
        ("def f(x: Optional[str])", lambda x: x is None or type(x) is str),
        ("def f(x: typing.Union[int, str])", lambda x: type(x) in (int, str)),
        (
            "def f(d: dict[str, list[int]])",
            lambda d: all(type(k) is str and type(v) is list for k, v in d.items()),
        ),
        ("def f(p: tuple[int, str])", lambda p: type(p[0]) is int and type(p[1]) is str and len(p) == 2),
        ("def f(s: set[int])", lambda s: type(s) is set),
        ("def f(x: Literal['up', 'down'])", lambda x: type(x) is str),
    ],
)
def test_values_have_the_declared_shape(head: str, legal: Any) -> None:
    inputs = drawn(head)
    assert len(inputs) >= 10
    assert all(len(args) == 1 and legal(args[0]) for args in inputs)


def test_all_inputs_differ_and_none_is_an_example() -> None:
    inputs = drawn("def f(n: int, s: str)", "(1, 'a')", "(2, 'b')")
    assert len(inputs) == 50
    assert len({repr(args) for args in inputs}) == 50
    assert (1, "a") not in inputs


def test_the_same_seed_gives_the_same_inputs_and_another_seed_others() -> None:
    head = "def f(xs: set[str])"
    assert drawn(head, seed=1) == drawn(head, seed=1)
    assert drawn(head, seed=1) != drawn(head, seed=2)


def test_examples_say_what_an_annotation_does_not() -> None:
    for args in drawn("def f(xs, k)", "([1.5, 2.0], 'a')"):
        assert isinstance(args[0], list) and isinstance(args[1], str)
        assert all(isinstance(item, float) for item in args[0])


def test_strings_are_made_of_the_letters_of_the_examples() -> None:
    inputs = drawn("def f(s: str)", "('(()())',)", "('()',)")
    assert {letter for (text,) in inputs for letter in text} <= set("()")
    assert any(len(text) > 4 for (text,) in inputs)


def test_two_thirds_are_relatives_of_an_example() -> None:
    """A mutation changes one argument and keeps the others."""
    base = (["aa", "bb", "cc"], 17, "zz")
    inputs = drawn("def f(a, b, c)", repr(base), count=40)
    assert sum(sum(one == two for one, two in zip(args, base, strict=True)) >= 1 for args in inputs) >= 20


def test_what_the_model_listed_comes_first_when_it_fits() -> None:
    listed = ["(7, 7)", "(8,)", "not a literal", "[9, 9]", "(__import__('os'), 1)"]
    inputs = drawn("def f(a: int, b: int)", count=3, listed=listed)
    assert inputs[0] == (7, 7)
    assert len(inputs) == 3
    assert all(len(args) == 2 for args in inputs)


def test_parameters_with_defaults_may_be_left_out() -> None:
    assert all(len(args) == 1 for args in drawn("def f(a: int, b: int = 2, *, c: int = 3)"))


@pytest.mark.parametrize(("head", "most"), [("def f()", 0), ("def f(b: bool)", 2), ("no head", 0)])
def test_a_small_domain_is_exhausted_not_repeated(head: str, most: int) -> None:
    assert len(drawn(head)) == most


def test_inputs_stay_small() -> None:
    huge = "(" + repr("x" * 1_999) + ",)"
    assert all(len(text) <= 2_000 for text in draw_inputs("def f(s: str)", [example(huge)], count=20))


def test_the_edges_of_an_example_come_early() -> None:
    inputs = drawn("def f(xs, k)", "([5, 3, 9], 4)", count=30)
    firsts = [xs for xs, _ in inputs]
    assert all(edge in firsts for edge in ([], [5], [9, 3, 5], [3, 5, 9], [5, 5, 5]))
    assert {0, 1, -1, 5, 3} <= {k for _, k in inputs}


def test_a_number_that_was_the_length_of_a_list_stays_its_length() -> None:
    inputs = drawn("def f(xs, n)", "([4, 1, 7], 3)", "([2, 9], 2)")
    assert len(inputs) == 50
    assert all(len(xs) == n for xs, n in inputs)
    free = drawn("def f(xs, n)", "([4, 1, 7], 3)", "([2, 9], 5)")
    assert any(len(xs) != n for xs, n in free)


def test_lists_of_one_length_stay_so_when_two_examples_say_it() -> None:
    inputs = drawn("def f(a, b)", "([1, 2], [3, 4])", "([1, 2, 3], [4, 5, 6])")
    assert all(len(a) == len(b) for a, b in inputs)


def test_what_the_words_demand_is_kept() -> None:
    brief = "Takes a positive integer and a sorted list."
    inputs = drawn("def f(n, xs)", "(3, [1, 2])", brief=brief)
    assert all(n >= 1 and xs == sorted(xs) for n, xs in inputs)
    assert any(n < 1 for n, _ in drawn("def f(n, xs)", "(3, [1, 2])"))


def test_words_against_which_an_example_speaks_are_not_kept() -> None:
    inputs = drawn("def f(n)", "(-3,)", brief="Takes a positive integer.")
    assert any(n < 0 for (n,) in inputs)


def test_words_and_numbers_of_the_request_are_drawn() -> None:
    brief = "Returns how far a planet is: Mercury, Venus, Earth and so on, or 'nowhere', at most 77 times."
    inputs = drawn("def f(planet: str, times: int)", brief=brief, count=100)
    assert {"Mercury", "Venus", "Earth", "nowhere"} & {planet for planet, _ in inputs}
    assert {76, 77, 78} & {times for _, times in inputs}


@pytest.mark.parametrize(
    ("head", "brief", "wanted"),
    [
        ("def grades(marks)", "For example grade_equation([4.0, 3, 1.7]) gives letters.", ([4.0, 3, 1.7],)),
        ("def f(ops, xs)", "ops = ['+', '*'] and xs = [2, 3, 4]", (["+", "*"], [2, 3, 4])),
        ("def f(xs)", "Sorts xs = [3, 1] (see below), unless [oops or {1: }.", ([3, 1],)),
    ],
)
def test_without_examples_values_in_the_text_are_used(head: str, brief: str, wanted: tuple[Any, ...]) -> None:
    assert wanted in drawn(head, brief=brief)


def test_words_inside_of_text_are_moved_as_wholes() -> None:
    inputs = drawn("def f(s: str)", "('three one five',)", brief="Words from 'zero' to 'nine'.")
    known = {"zero", "nine", "three", "one", "five"}
    assert sum(set(text.split()) <= known and " " in text for (text,) in inputs) >= 5


def test_an_example_that_names_a_month_stands_for_the_year() -> None:
    assert ("May",) in drawn("def f(month)", "('February',)")


def test_text_may_hold_a_blank_and_a_code_may_not() -> None:
    assert any(" " in text for (text,) in drawn("def f(s: str)", "('Thomas',)"))
    assert not any(" " in text for (text,) in drawn("def f(s: str)", "('ACGT',)"))


@pytest.mark.parametrize("deep", ["[" * 60 + "1" + "]" * 60, "[({'k': " * 15 + "1" + "},)]" * 15])
def test_an_example_nested_deeply_is_drawn_from_without_doubling_the_work_at_each_level(deep: str) -> None:
    assert len(drawn("def f(xs: list)", f"({deep},)")) > 10, "unbounded, this takes 2 ** 60 steps"
