"""How many samples are drawn, and when they are enough: the decisions alone."""

import pytest

from qlayer.pipeline.policy import LARGEST, MEDIUM, SMALL, LoopPolicy, policy_for
from qlayer.pipeline.wave import enough, next_wave


@pytest.mark.parametrize(
    ("drawn", "wanted", "passing", "wave"),
    [
        (1, 2, 1, (1,)),  # the greedy one passed: confirm it
        (1, 3, 1, (1, 2)),
        (1, 3, 0, (1, 2, 3)),  # it failed: a whole wave
        (2, 2, 1, (2, 3)),  # the confirmation disagreed or failed: fill the wave
        (4, 3, 2, (4, 5, 6, 7)),
        (8, 3, 2, ()),
    ],
)
def test_waves_follow_each_other(drawn: int, wanted: int, passing: int, wave: tuple[int, ...]) -> None:
    assert next_wave(MEDIUM, drawn, wanted, passing) == wave


def test_without_waves_nothing_is_drawn() -> None:
    assert next_wave(LoopPolicy(waves=()), 1, 2, 1) == ()


@pytest.mark.parametrize(
    ("largest", "passing", "settled"),
    [(2, 2, True), (2, 3, True), (2, 4, False), (1, 1, False), (3, 5, True)],
)
def test_the_largest_group_must_outweigh_all_others(largest: int, passing: int, settled: bool) -> None:
    assert enough(largest, passing, 2) is settled


def test_policies_grow_with_the_model() -> None:
    assert [policy_for(size) for size in (0.5, 1.5, None, 32)] == [SMALL, MEDIUM, MEDIUM, LARGEST]
    assert policy_for(7).repairs_answers and not policy_for(3).repairs_answers
    assert [policy_for(size).samples for size in (0.5, 1.5, 14)] == [6, 8, 4]
