"""``qlayer release`` at a terminal, on a capsule that a run made."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def capsule(qlayer: Run, fakes: Callable[..., object]) -> str:
    fakes(lambda _: "```python\ndef add(a: int, b: int) -> int:\n    return a + b\n```")
    made = qlayer("generate", "def add(a: int, b: int) -> int: the sum. add(1, 2) == 3", "--local", "--json")
    assert made.exit_code == 0, made.output
    return str(json.loads(made.stdout)["capsule"])


def test_a_capsule_is_published_tagged_and_rolled_back_to(qlayer: Run, capsule: str) -> None:
    published = json.loads(qlayer("release", "publish", capsule, "adder", "--who", "ada", "--json").stdout)
    assert (published["version"], published["capsule"]) == ("0.1.0", capsule)
    assert "adder 0.1.0" in qlayer("release", "tag", "adder", "0.1.0", "stable").output
    shown = qlayer("release", "show", "adder").output
    assert "current, stable" in shown and "the first version" in shown
    assert [row["name"] for row in json.loads(qlayer("release", "ls", "--json").stdout)] == ["adder"]
    refused = qlayer("release", "rollback", "adder", "--reason", "it adds wrongly")
    assert refused.exit_code == 4 and "no version of adder before" in refused.output


def test_what_cannot_be_published_is_told(qlayer: Run, capsule: str) -> None:
    assert qlayer("release", "publish", capsule, "Adder").exit_code == 2
    assert qlayer("release", "publish", "abcdef", "adder").exit_code == 4
    assert qlayer("release", "show", "adder").exit_code == 4


def test_what_may_be_released_is_explained(qlayer: Run, capsule: str) -> None:
    assert qlayer("policy", "test").exit_code == 0
    allowed = qlayer("policy", "explain", capsule, "--env", "development")
    assert allowed.exit_code == 0 and "allowed" in allowed.output
    denied = json.loads(qlayer("policy", "explain", capsule, "--json").stdout)
    assert not denied["allow"] and any("0 trusted signatures" in reason for reason in denied["reasons"])
    qlayer("keys", "new")
    assert qlayer("capsule", "sign", capsule).exit_code == 0
    signed = qlayer("policy", "explain", capsule)
    assert signed.exit_code == 0, "a proved and clean capsule that somebody signed may go into production"
