"""What counts as the expected value, and what does not."""

from __future__ import annotations

import pytest

from qlayer.sandbox import wire
from qlayer.sandbox.compare import meets
from qlayer.types.check import Comparison, Expectation


def equals(expected: str, got: object, rel_tol: float = 0.0) -> bool:
    return meets(Expectation(value=expected, rel_tol=rel_tol), got)


def includes(expected: str, got: object) -> bool:
    return meets(Expectation(comparison=Comparison.INCLUDES, value=expected), got)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("1", 1),
        ("3", 3.0),
        ("3.0", 3),
        ("nan", float("nan")),
        ("None", None),
        ("'a'", "a"),
        ("[1, [2.0]]", [1, [2]]),
        ("(1, 2)", (1, 2)),
        ("{'a': [1]}", {"a": [1]}),
        ("{1: True}", {1: True}),
        ("{1, 2}", {2, 1}),
        ("1j", 1j),
        ("2j", complex(0, 2)),
        ("3", 3 + 0j),
        ("0.0", -0.0),
        ("-0.0", 0),
        ("inf", float("inf")),
        ("-inf", float("-inf")),
        ("[nan, {'a': nan}]", [float("nan"), {"a": float("nan")}]),
        (str(10**300), 10**300),
        (str(2**53), float(2**53)),
        ("{'a': 1, 'b': 2}", {"b": 2, "a": 1}),
        ("{1: 'x'}", {1.0: "x"}),
        ("{(1, True): 0}", {(1.0, True): 0}),
        ("{nan}", {float("nan")}),
        ("{3, 1, 2}", {2.0, 1, 3}),
        ("set()", set()),
        ("b'\\xff\\x00'", b"\xff\x00"),
        ("'\\ud800'", "\ud800"),
        ("[[[[[[1]]]]]]", [[[[[[1.0]]]]]]),
        ("()", ()),
        ("''", ""),
    ],
)
def test_equal(expected: str, got: object) -> None:
    assert equals(expected, got)
    assert includes(expected, got)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("1", True),
        ("True", 1),
        ("0", False),
        ("1", "1"),
        ("'1'", 1),
        ("None", 0),
        ("[1]", (1,)),
        ("(1,)", [1]),
        ("[1, 2]", [2, 1]),
        ("[1]", [1, 1]),
        ("{'a': 1}", {"a": 1, "b": 2}),
        ("{'a': 1, 'b': 2}", {"a": 1}),
        ("{1: 1}", {True: 1}),
        ("{'a': 1}", {"a": True}),
        ("{1}", {True}),
        ("{1}", frozenset({1})),
        ("b'a'", "a"),
        ("0.3", 0.1 + 0.2),
        ("inf", float("-inf")),
        ("inf", float("nan")),
        ("nan", 0.0),
        ("nan", None),
        (str(2**53 + 1), float(2**53)),
        (str(10**400), float("inf")),
        ("1", 1 + 1j),
        ("{(True,)}", {(1,)}),
        ("{(True,): 0}", {(1,): 0}),
        ("{nan}", {0.0}),
        ("{1, 2}", {1, 2, 3}),
        ("{1: 1}", {"1": 1}),
        ("'a'", "a "),
        ("b'a'", b"A"),
        ("[1]", [1, None]),
        ("()", []),
        ("()", None),
        ("0", None),
        ("0.0", ""),
        ("'\u00e9'", "e\u0301"),
    ],
)
def test_not_equal(expected: str, got: object) -> None:
    assert not equals(expected, got)


def test_a_tolerance_holds_at_any_depth() -> None:
    assert equals("[0.3, {'x': 0.3}]", [0.1 + 0.2, {"x": 0.1 + 0.2}], rel_tol=1e-9)
    assert equals("0.0", 1e-12, rel_tol=1e-6)
    assert not equals("1.0", 1.1, rel_tol=1e-6)
    assert not equals("1.0", True, rel_tol=1e-6)
    assert not equals("1.0", 10**400, rel_tol=1e-6)


def test_a_tolerance_is_for_values_not_for_keys_and_members() -> None:
    assert equals("{1: 0.3}", {1: 0.1 + 0.2}, rel_tol=1e-9)
    assert not equals("{0.3: 1}", {0.1 + 0.2: 1}, rel_tol=1e-9)
    assert not equals("{0.3}", {0.1 + 0.2}, rel_tol=1e-9)
    assert equals("1j", 1.0000000001j, rel_tol=1e-6)
    assert not equals("inf", 1e308, rel_tol=0.5)
    assert not equals("nan", 1.0, rel_tol=0.5)
    assert equals("100", 101.0, rel_tol=0.01)


def test_values_as_deep_as_may_cross_are_compared() -> None:
    deep: object = 1
    for _ in range(64):
        deep = [deep]
    assert equals("[" * 64 + "1" + "]" * 64, deep)
    assert not equals("[" * 64 + "2" + "]" * 64, deep)


def test_an_expectation_that_is_no_literal_is_the_callers_mistake() -> None:
    with pytest.raises(wire.Malformed):
        equals("int", 0)


def test_includes_allows_more_keys_at_any_depth() -> None:
    got = {"status": 200, "body": {"id": 1, "tags": ["a"], "more": None}}
    assert includes("{'status': 200, 'body': {'id': 1}}", got)
    assert includes("{'body': {'tags': ('a',)}}", got)
    assert not includes("{'body': {'id': 2}}", got)
    assert not includes("{'body': {'absent': None}}", got)
    assert not includes("{'body': {'tags': []}}", got)


def test_no_value_meets_an_expected_exception() -> None:
    assert not meets(Expectation(comparison=Comparison.RAISES, value="ValueError"), "ValueError")
