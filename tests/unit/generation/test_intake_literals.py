"""Plain values: what is folded, what is refused, and the text they become."""

from __future__ import annotations

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlayer.generation.intake.literals import NotPlain, parse_value, value_text
from qlayer.sandbox import wire

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text(), inner)
        | st.sets(st.integers())
    ),
    max_leaves=20,
)


@given(values)
def test_text_reads_back_type_for_type(value: object) -> None:
    back = ast.literal_eval(value_text(value))
    assert repr(back) == repr(value) or back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1] * 3", [1, 1, 1]),
        ("2 ** 10", 1024),
        ("-1", -1),
        ("7 // 2", 3),
        ("'a' + 'b'", "ab"),
        ("true", True),
        ("null", None),
        ("set()", set()),
        ("{1, 2}", {1, 2}),
        ("float('-inf')", -math.inf),
        ("(1,)", (1,)),
        ("{'a': [1, (2,)]}", {"a": [1, (2,)]}),
        ("1 + 2j", 1 + 2j),
    ],
)
def test_plain_arithmetic_is_folded(text: str, value: object) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "f(1)",
        "float('nan')",
        "9 ** 9 ** 9",
        "[0] * 10**9",
        "'a' * 10**9",
        "1 / 0",
        "{[]: 1}",
        "{**{}}",
        "[x for x in y]",
        "lambda: 1",
        "a.b",
        "1 <",
        "",
        "-'a'",
        "1 << 3",
        "f'{1}'",
        "...",
        "10.0 ** 400",
    ],
)
def test_everything_else_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(NotPlain, match=r"\w"):
        parse_value(text)


def test_infinity_survives_as_text() -> None:
    assert ast.literal_eval(value_text([math.inf, -math.inf])) == [math.inf, -math.inf]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 60 + "]" * 60, "deeper than 32"),
        ("[[0] * 9_000] * 9_000", "more than 100000 items"),
        ("['a' * 9_000] * 9_000", "more than 100000 items"),
        (" * ".join(["10 ** 1_000"] * 9), "too long to be written"),
    ],
)
def test_what_no_sandbox_could_be_handed_is_refused(text: str, why: str) -> None:
    with pytest.raises(NotPlain, match=why):
        parse_value(text)


def test_a_deep_value_is_as_deep_as_the_sandbox_takes() -> None:
    deep = parse_value("[" * 32 + "]" * 32)
    assert wire.decode(wire.encode((deep,))) == (deep,)
