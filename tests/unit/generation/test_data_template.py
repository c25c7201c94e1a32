"""The data family: tables in a request become trusted tests; the files around them need no model."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_specs import ALL, JOINED
from values_player import passed

from qlayer.generation.base import Skeleton
from qlayer.generation.intake import parse_spec
from qlayer.generation.splice import fill
from qlayer.generation.templates import choose
from qlayer.generation.templates.data import tables
from qlayer.types.check import CasesPlan


def skeleton_of(text: str) -> Skeleton:
    spec = parse_spec(text)
    template, _ = choose(spec)
    assert template.name == "data"
    return template.instantiate(spec)


@pytest.mark.parametrize("name", ALL)
def test_a_right_filling_passes_by_value_and_through_files_and_a_wrong_one_fails(
    name: str, tmp_path: Path
) -> None:
    request = ALL[name]
    skeleton = skeleton_of(request.text)
    (slot,) = skeleton.slots
    smoke = skeleton.boot[1]
    assert isinstance(smoke, CasesPlan)
    assert all(passed(skeleton.tree, tmp_path / "bare", smoke))
    plans = [plan for plan in skeleton.final if isinstance(plan, CasesPlan)]
    assert [plan.name for plan in plans] == ["examples", "program"]
    right = fill(skeleton.tree, slot, request.right["transform"])
    wrong = fill(skeleton.tree, slot, request.wrong["transform"])
    for plan in plans:
        assert all(passed(right, tmp_path / "right", plan)), plan.name
    assert not all(passed(wrong, tmp_path / "wrong", plans[0]))


def test_each_input_is_a_parameter_named_like_its_file() -> None:
    (slot,) = skeleton_of(JOINED.text).slots
    wanted = (
        "def transform(orders: list[dict[str, Any]], customers: list[dict[str, Any]]) -> list[dict[str, Any]]"
    )
    assert slot.signature == wanted


def test_columns_of_numbers_are_numbers_and_codes_stay_text() -> None:
    rows = tables.read_csv("id,price,zip,note\n1,2.5,01234,\n,3,99999,x\n")
    assert rows == [
        {"id": 1, "price": 2.5, "zip": "01234", "note": ""},
        {"id": None, "price": 3.0, "zip": "99999", "note": "x"},
    ]
    assert tables.write_csv(rows, ("zip",)).splitlines() == [
        "zip,id,price,note",
        "01234,1,2.5,",
        "99999,,3,x",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Input:\n\n```json\n[1,\n```\n\nOutput:\n\n```json\n[]\n```\n", "it is not JSON"),
        ("Input:\n\n```\nplain words\n```\n\nOutput:\n\n```json\n[]\n```\n", "neither a table nor JSON"),
    ],
)
def test_what_is_not_understood_is_told(text: str, reason: str) -> None:
    spec = parse_spec(f"# Turn JSON into JSON\n\n{text}", template="data")
    assert any(reason in one.reason for one in spec.ignored)


def test_a_function_with_a_table_of_calls_is_no_data_tool() -> None:
    text = "Write `double(x)`.\n\n| call | result |\n|---|---|\n| double(2) | 4 |\n"
    assert choose(parse_spec(text))[0].name == "function"
