"""The registry of families and the choice of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlayer.errors import InputError
from qlayer.generation.intake import parse_spec
from qlayer.generation.templates import TEMPLATES, choose


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("def f(x):\n    '''Same.'''\n", "function"),
        ("Write a function that reverses a string", "function"),
        ("assert f(1) == 2", "function"),
        ("# Books\n\nBook: title (str)\n\n- GET /books lists all\n- POST /books creates one\n", "service"),
    ],
)
def test_the_best_fit_is_chosen_with_a_reason(text: str, family: str) -> None:
    template, reason = choose(parse_spec(text))
    assert template.name == family
    assert len(reason) > 20


def test_the_requested_family_wins() -> None:
    template, reason = choose(parse_spec("GET /books lists all books", template="function"))
    assert template is TEMPLATES["function"]
    assert "asks for" in reason


def test_an_unknown_family_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="no template 'desktop'") as caught:
        choose(parse_spec("anything", template="desktop"))
    assert caught.value.field == "template"
    assert caught.value.limit is not None and "function" in caught.value.limit


def test_names_are_their_keys() -> None:
    assert {name: template.name for name, template in TEMPLATES.items()} == {n: n for n in TEMPLATES}
    assert all(template.summary for template in TEMPLATES.values())


@pytest.mark.parametrize(
    ("example", "family"),
    [
        ("function", "function"),
        ("tricky", "function"),
        ("service", "service"),
        ("cli", "cli"),
        ("data", "data"),
    ],
)
def test_every_example_is_understood_and_every_slot_of_it_is_proved(example: str, family: str) -> None:
    text = (Path(__file__).parents[3] / "examples" / f"{example}.md").read_text(encoding="utf-8")
    spec = parse_spec(text)
    template, _ = choose(spec)
    assert template.name == family and spec.ignored == ()
    slots = template.instantiate(spec).slots
    assert slots and all(slot.checks for slot in slots)
