"""Rules follow from corrections, and go with them."""

from __future__ import annotations

from memory_samples import sample_correction

from qlayer.memory.rules import in_force, learned_rules
from qlayer.types.memory import Correction, MechanicalFix, Mistake, Replacement

FIX = MechanicalFix(replacements=(Replacement(kind="attribute", wrong="push", right="append"),))
NO_PUSH = Mistake(signature="AttributeError: Q object has no attribute Q")


def fixed(name: str, **changed: object) -> Correction:
    facts = {"wrong": f"{name}.push(1)\n", "right": f"{name}.append(1)\n", "mistake": NO_PUSH, "fix": FIX}
    return sample_correction(name, **facts | changed)


def would_change(code: str, fix: MechanicalFix) -> bool:
    return any(f".{swap.wrong}(" in code for swap in fix.replacements)


def rules_of(*corrections: Correction) -> list[tuple[str, int]]:
    return [(rule.signature, len(rule.evidence)) for rule in learned_rules(corrections, (), would_change)]


def test_the_same_fix_for_the_same_mistake_three_times_is_a_rule() -> None:
    three = [fixed("a"), fixed("b"), fixed("c")]
    assert rules_of(*three[:2]) == []
    assert rules_of(*three) == [(NO_PUSH.signature, 3)]
    (rule,) = learned_rules(three, (), would_change)
    assert rule.evidence == tuple(correction.id for correction in three)


def test_another_mistake_or_the_same_program_is_no_further_evidence() -> None:
    other = fixed("c", mistake=Mistake(signature="something else"))
    assert rules_of(fixed("a"), fixed("b"), other) == []
    assert rules_of(fixed("a"), fixed("b"), fixed("c", wrong="a.push(1)\n")) == []


def test_a_rule_that_would_change_a_right_program_is_none() -> None:
    three = [fixed("a"), fixed("b"), fixed("c")]
    contradiction = sample_correction("stack", right="stack.push(1)\n")
    assert rules_of(*three, contradiction) == []


def test_a_forgotten_rule_does_not_come_back_with_more_evidence() -> None:
    three = [fixed("a"), fixed("b"), fixed("c")]
    (rule,) = learned_rules(three, (), would_change)
    assert learned_rules([*three, fixed("d")], {rule.id}, would_change) == ()


def test_what_was_corrected_again_or_forced_is_not_followed() -> None:
    first = sample_correction("x", wrong="1\n", right="2\n")
    second = sample_correction("x", wrong="2\n", right="3\n")
    forced = sample_correction("y", lost=("examples",))
    assert in_force([first, second, forced]) == (second,)
