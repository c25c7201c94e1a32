"""The cli family: requests in several wordings boot without a token; right fillings pass, wrong ones fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from tool_specs import ALL, CALC, COUNT, SHOUT, TODO, ToolRequest
from values_player import passed

from qlayer.errors import InputError
from qlayer.generation.base import Skeleton
from qlayer.generation.intake import parse_spec
from qlayer.generation.splice import fill
from qlayer.generation.templates import choose
from qlayer.generation.templates.cli import CliTemplate
from qlayer.types.check import CasesPlan
from qlayer.types.source import SourceTree


def skeleton_of(text: str) -> Skeleton:
    spec = parse_spec(text)
    template, _ = choose(spec)
    assert template.name == "cli"
    return template.instantiate(spec)


def cases(plan: object) -> CasesPlan:
    assert isinstance(plan, CasesPlan) and plan.trusted
    return plan


def filled(skeleton: Skeleton, code: dict[str, str]) -> SourceTree:
    tree = skeleton.tree
    for slot in skeleton.slots:
        tree = fill(tree, slot, code[slot.name])
    return tree


@pytest.mark.parametrize("name", ALL)
def test_the_bare_skeleton_boots_and_tells_its_usage(name: str, tmp_path: Path) -> None:
    skeleton = skeleton_of(ALL[name].text)
    assert all(passed(skeleton.tree, tmp_path, cases(skeleton.boot[1])))
    assert not all(passed(skeleton.tree, tmp_path, cases(skeleton.final[0])))


@pytest.mark.parametrize("name", ALL)
def test_right_fillings_pass_every_example(name: str, tmp_path: Path) -> None:
    request = ALL[name]
    skeleton = skeleton_of(request.text)
    tree = filled(skeleton, request.right)
    for plan in (*(plan for slot in skeleton.slots for plan in slot.checks), skeleton.final[0]):
        assert all(passed(tree, tmp_path, cases(plan))), plan.name


@pytest.mark.parametrize(("name", "slot"), [(name, slot) for name in ALL for slot in ALL[name].wrong])
def test_a_wrong_filling_fails_its_own_check(name: str, slot: str, tmp_path: Path) -> None:
    request: ToolRequest = ALL[name]
    skeleton = skeleton_of(request.text)
    tree = filled(skeleton, {**request.right, slot: request.wrong[slot]})
    own = next(one for one in skeleton.slots if one.name == slot)
    assert not all(passed(tree, tmp_path, cases(own.checks[0])))


def test_arguments_come_from_declarations_and_calls() -> None:
    assert [slot.signature for slot in skeleton_of(CALC.text).slots] == [
        "def add(a: int | float, b: int | float) -> str",
        "def repeat(word: str, times: int = 2) -> str",
    ]
    (slot,) = skeleton_of(COUNT.text).slots
    assert slot.signature == "def wordcount(file: str, top: int | None = None) -> str"
    (slot,) = skeleton_of(SHOUT.text).slots
    assert slot.signature == "def shout(text: str, reverse: bool = False) -> str"


def test_commands_that_share_what_is_kept_come_in_the_order_of_the_session() -> None:
    slots = skeleton_of(TODO.text).slots
    assert [slot.name for slot in slots] == ["add", "done", "list_command"]
    assert slots[2].like == ("add", "done")
    assert all(slot.signature.startswith(f"def {slot.name}(items: ") for slot in slots)


def test_a_tool_that_is_only_spoken_of_boots(tmp_path: Path) -> None:
    skeleton = skeleton_of("Write a command-line tool that sorts the lines it reads.\n")
    assert all(passed(skeleton.tree, tmp_path, cases(skeleton.boot[1])))
    assert all(not slot.checks for slot in skeleton.slots)


def test_a_call_that_is_not_understood_is_told_with_the_reason() -> None:
    text = CALC.text + "\n```\n$ calc add 1 2 | sort | uniq\n3\n$ calc add 1 2 < numbers.txt\n3\n```\n"
    ignored = parse_spec(text).ignored
    assert [one.text for one in ignored] == ["calc add 1 2 | sort | uniq", "calc add 1 2 < numbers.txt"]
    assert "numbers.txt" in ignored[1].reason


def test_a_request_without_a_command_line_is_refused() -> None:
    with pytest.raises(InputError, match="at least one call"):
        CliTemplate().instantiate(parse_spec("def f(x): ..."))


def test_the_same_request_gives_the_same_bytes() -> None:
    assert skeleton_of(TODO.text).tree.digest == skeleton_of(TODO.text).tree.digest
