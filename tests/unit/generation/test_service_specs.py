"""Eight services asked for in natural wording: what intake finds, what needs no model, what proves it."""

from __future__ import annotations

from pathlib import Path

import pytest
from service_project import filled, own_tests, skeleton_of, write
from service_specs import ALL

from qlayer.generation.intake import parse_spec
from qlayer.generation.templates import choose


@pytest.mark.parametrize("name", ALL)
def test_everything_is_understood_and_every_slot_is_proved(name: str) -> None:
    request = ALL[name]
    spec = parse_spec(request.text)
    template, _ = choose(spec)
    assert template.name == "service" and spec.ignored == ()
    slots = template.instantiate(spec).slots
    assert {slot.name for slot in slots} == request.right.keys() == request.wrong.keys()
    assert all(slot.checks for slot in slots)


@pytest.mark.parametrize("name", ALL)
def test_right_fillings_pass_the_projects_own_tests(name: str, tmp_path: Path) -> None:
    skeleton = skeleton_of(ALL[name].text)
    assert all(own_tests(write(filled(skeleton, ALL[name].right), tmp_path)).values())


@pytest.mark.parametrize("name", [name for name in ALL if ALL[name].wrong])
def test_wrong_fillings_fail_the_examples_and_leave_the_rest_alone(name: str, tmp_path: Path) -> None:
    skeleton = skeleton_of(ALL[name].text)
    outcomes = own_tests(write(filled(skeleton, ALL[name].wrong), tmp_path))
    assert not outcomes.pop("test_examples")
    assert all(outcomes.values())


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("end must be after start", 'booking["end"] <= booking["start"]'),
        ("a booking's end must be at least start", 'booking["end"] < booking["start"]'),
    ],
)
def test_a_rule_about_two_fields_needs_no_model(rule: str, said: str) -> None:
    text = f"# B\n\n## Entities\n- Booking: start (int), end (int)\n\n## Rules\n- {rule}\n"
    skeleton = skeleton_of(text)
    assert skeleton.slots == ()
    assert said in skeleton.tree.text("app/rules.py")


def test_a_rule_goes_to_the_action_that_must_not_be_done() -> None:
    slots = {slot.name: slot.brief for slot in skeleton_of(ALL["orders"].text).slots}
    assert "shipped order" in slots["cancel_order"] and "shipped order" not in slots["ship_order"]
