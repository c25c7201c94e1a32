"""What a proof is worth: each missing piece of evidence keeps a level back, and is named."""

from __future__ import annotations

from typing import Any

import pytest

from qlayer.types.check import Level
from qlayer.types.proof import InputKind, SlotProof
from qlayer.validation.levels import BARS, agreeing, level_of, missing, shown, weakest


def proof(**changes: Any) -> SlotProof:
    whole = SlotProof(
        slot="add",
        inputs=InputKind.CALLS,
        drawn=75,
        used=70,
        left_out=5,
        crash_free=1.0,
        samples=4,
        cases=2,
        candidates=3,
        agreements=(1.0, 1.0),
        mutants=10,
        killed=9,
    )
    return whole.model_copy(update=changes)


def test_all_evidence_together_is_v4() -> None:
    assert level_of(proof()) is Level.V4
    assert list(missing(proof())) == []
    assert list(shown(proof())) == [
        "add: 3 of 3 samples that pass the tests agree on 70 inputs, 100% of them without a crash",
        "add: the trusted tests notice 9 of 10 small changes (90%)",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"used": 49}, "only 49 drawn inputs lay inside of its domain, 50 are needed"),
        ({"crash_free": 0.4}, "it crashes on 60% of the inputs that another sample handles"),
        ({"candidates": 1, "agreements": ()}, "no other sample passes the trusted tests"),
        ({"agreements": (0.2, 0.0)}, "only 1 of 3 samples that pass the tests agree, 2 are needed"),
        (
            {"agreements": (1.0, 0.0), "cases": 1},
            "only 2 of 3 samples that pass the tests agree, 3 are needed",
        ),
        (
            {"samples": 6},
            "only 3 of all 6 samples agree, more than half are needed",
        ),
        ({"inputs": InputKind.NONE, "used": 0, "agreements": ()}, "only 0 drawn inputs"),
    ],
)
def test_what_keeps_from_v3(changes: dict[str, Any], said: str) -> None:
    short = proof(**changes)
    assert level_of(short) is Level.V2
    assert any(said in sentence for sentence in missing(short))


def test_tests_that_let_changes_pass_keep_from_v4_alone() -> None:
    weak = proof(killed=5)
    assert level_of(weak) is Level.V3
    assert list(missing(weak)) == ["add: not V4: tests notice 5 of 10 small changes, 60% are needed"]
    assert level_of(proof(mutants=0, killed=0)) is Level.V3, "nothing to mutate proves nothing"


def test_few_inputs_are_enough_when_there_are_no_more() -> None:
    assert level_of(proof(used=2, exhausted=True)) is Level.V4
    assert level_of(proof(used=0, exhausted=True)) is Level.V4, "its examples were all there is"


def test_what_could_not_be_proved_is_said() -> None:
    assert "add: the moon was full" in list(missing(proof(reasons=("the moon was full",))))


def test_agreement_is_counted_from_the_bar() -> None:
    near = proof(agreements=(BARS.same, max(0.0, BARS.same - 0.01)))
    assert agreeing(near) == 2


def test_a_project_is_as_far_proved_as_its_weakest_slot() -> None:
    assert weakest([proof(), proof(killed=0)]) is Level.V3
    assert weakest([proof(), proof(killed=0), proof(used=1)]) is Level.V2
    assert weakest([]) is Level.V2
