"""Plain values survive the wire; liars arrive as what they hold; hostile bytes raise and nothing else."""

from __future__ import annotations

import collections
import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlayer.sandbox import wire

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
)
keys = scalars | st.tuples(scalars, scalars)
plain = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner)
        | st.sets(keys)
        | st.frozensets(keys)
    ),
    max_leaves=20,
)


def same(a: object, b: object) -> bool:
    return type(a) is type(b) and repr(a) == repr(b)


@given(plain)
def test_a_plain_value_comes_back_as_it_was(value: object) -> None:
    back = wire.decode(wire.encode(value))
    if isinstance(value, set | frozenset):
        assert type(back) is type(value) and back == value
    else:
        assert back == value


@pytest.mark.parametrize("value", [True, 1, 1.0, -0.0, 2**53 + 1, 2**900, "\ud800", b"\0", (), [], {1: (2,)}])
def test_the_type_comes_back_too(value: object) -> None:
    assert same(wire.decode(wire.encode(value)), value)


def test_no_limit_on_decimal_digits_applies() -> None:
    assert wire.decode(wire.encode(10**5000)) == 10**5000


def test_nan_and_infinities_cross() -> None:
    assert math.isnan(wire.decode(wire.encode(math.nan)))
    assert wire.decode(wire.encode(-math.inf)) == -math.inf


class LyingInt(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __pos__(self) -> int:
        return 99

    __hash__ = int.__hash__


class LyingList(list):  # type: ignore[type-arg]
    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter([99])


class LyingStr(str):
    def encode(self, *args: object) -> bytes:
        return b"99"


class LyingClass:
    __class__ = int  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("liar", "truth"), [(LyingInt(1), 1), (LyingList([1]), [1]), (LyingStr("x"), "x"), (LyingInt(7), 7)]
)
def test_a_subclass_arrives_as_what_it_holds(liar: object, truth: object) -> None:
    assert same(wire.decode(wire.encode(liar)), truth)


def test_common_subclasses_arrive_as_their_base() -> None:
    assert wire.decode(wire.encode(collections.Counter("aab"))) == {"a": 2, "b": 1}
    assert wire.decode(wire.encode(collections.OrderedDict(a=1))) == {"a": 1}
    point = collections.namedtuple("point", "x y")
    assert same(wire.decode(wire.encode(point(1, 2))), (1, 2))


@pytest.mark.parametrize("value", [object(), LyingClass(), range(3), [print], {1: object()}, Ellipsis])
def test_what_is_not_plain_is_refused(value: object) -> None:
    with pytest.raises(wire.Unplain):
        wire.encode(value)


def test_depth_and_size_are_limited_on_both_sides() -> None:
    deep: list[object] = []
    for _ in range(wire.MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(wire.Unplain, match="deeper"):
        wire.encode(deep)
    with pytest.raises(wire.Unplain, match="items"):
        wire.encode([0] * (wire.MAX_ITEMS + 1))
    with pytest.raises(wire.Unplain, match="bytes"):
        wire.encode("x" * (wire.MAX_BYTES + 1))
    with pytest.raises(wire.Malformed):
        wire.decode("[" * 100_000 + "]" * 100_000)
    with pytest.raises(wire.Malformed):
        wire.decode("[" * (wire.MAX_DEPTH + 2) + "]" * (wire.MAX_DEPTH + 2))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"x": 1}',
        '{"t": 1}',
        '{"t": [1], "s": [2]}',
        '{"d": [[1]]}',
        '{"d": [[[], 1]]}',
        '{"s": [[]]}',
        '{"i": 5}',
        '{"i": "zz"}',
        '{"f": "1"}',
        '{"b": "?"}',
        '{"c": [1]}',
        '{"c": ["x", 1]}',
        "9" * 5000,
    ],
)
def test_malformed_forms_raise_malformed(text: str) -> None:
    with pytest.raises(wire.Malformed):
        wire.decode(text)


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_any_json_decodes_or_raises_malformed(form: object) -> None:
    with contextlib.suppress(wire.Malformed):
        wire.decode(json.dumps(form))


def test_a_table_of_colliding_keys_is_refused() -> None:
    modulus = 2**61 - 1
    form = {"s": [{"i": hex(modulus * n)} for n in range(1, 20_000)]}
    with pytest.raises(wire.Malformed, match="hash"):
        wire.decode(json.dumps(form))


def test_literals() -> None:
    assert wire.literal("[1, (2,), {'a': {3}}, set(), -inf]") == [1, (2,), {"a": {3}}, set(), -math.inf]
    assert math.isnan(wire.literal(" nan "))
    for text in ("f()", "__import__('os')", "[", "x", "(" * 10_000):
        with pytest.raises(wire.Malformed):
            wire.literal(text)
