"""Which rule sentences are taken literally, and which are left to a model."""

from __future__ import annotations

import pytest

from qlayer.generation.templates.service.constraints import read_constraint, sample_value
from qlayer.types.spec import Entity, EntityField

BOOK = Entity(
    name="BookLoan",
    fields=(
        EntityField(name="title"),
        EntityField(name="pages", type="int"),
        EntityField(name="price", type="float"),
        EntityField(name="due_days", type="int", required=False),
        EntityField(name="read", type="bool"),
    ),
)


@pytest.mark.parametrize(
    ("sentence", "violation"),
    [
        ("pages must be greater than 0", "v <= 0"),
        ("pages must be > 0", "v <= 0"),
        ("The pages must be positive.", "v <= 0"),
        ("price must not be negative", "v < 0"),
        ("a book loan's price must be at least 0.5", "v < 0.5"),
        ("pages of a book loan must be at most 9999", "v > 9999"),
        ("pages must not exceed 9999", "v > 9999"),
        ("bookloan.pages must be less than 10", "v >= 10"),
        ("due days must be between 1 and 30", "not 1 <= v <= 30"),
        ("title must not be empty", "not v.strip()"),
        ("title cannot be blank", "not v.strip()"),
        ("title must be at most 80 characters", "len(v) > 80"),
        ("title must have at least 2 characters", "len(v) < 2"),
        ("title must be between 2 and 80 characters long", "not 2 <= len(v) <= 80"),
        ("title must be one of red, green or blue", 'v not in ("red", "green", "blue")'),
    ],
)
def test_unambiguous_sentences(sentence: str, violation: str) -> None:
    found = read_constraint(sentence, BOOK)
    assert found is not None
    assert found.violation("v") == violation


@pytest.mark.parametrize(
    "sentence",
    [
        "pages must be greater than 0 unless the book is read",
        "weight must be greater than 0",
        "title must be greater than 0",
        "pages must not be empty",
        "title must be at most 99999999 characters",
        "title must be one of red",
        "a read book must have pages",
        "pages must be even",
    ],
)
def test_all_others_are_left_to_a_model(sentence: str) -> None:
    assert read_constraint(sentence, BOOK) is None


def test_a_field_that_may_be_missing_breaks_no_rule_by_missing() -> None:
    found = read_constraint("due_days must be positive", BOOK)
    assert found is not None and found.optional


def test_samples_keep_all_rules_of_their_field() -> None:
    rules = ("pages must be at least 3", "pages must be less than 5", "title must be at most 3 characters")
    found = tuple(c for c in (read_constraint(rule, BOOK) for rule in rules) if c is not None)
    assert sample_value(BOOK.fields[1], found) in (3, 4)
    assert len(sample_value(BOOK.fields[0], found)) <= 3
    impossible = tuple(
        c for c in (read_constraint(f"pages must be {r}", BOOK) for r in ("> 5", "< 2")) if c is not None
    )
    assert sample_value(BOOK.fields[1], impossible) is None


def test_two_fields_of_one_kind_can_be_compared() -> None:
    found = read_constraint("pages must be greater than price", BOOK)
    assert found is not None and (found.field, found.other) == ("pages", "price")
    assert read_constraint("pages must be greater than title", BOOK) is None
