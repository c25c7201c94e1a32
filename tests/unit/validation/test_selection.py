"""Each way of choosing follows its own order of facts."""

from __future__ import annotations

from random import Random

import pytest

from qlayer.validation.selection import SELECTORS, Facts, at_random, ours


def facts(index: int, passed: int = 1, crash_free: float = 1.0, agreeing: int = 1, **more: float) -> Facts:
    return Facts(index=index, passed=passed, crash_free=crash_free, agreeing=agreeing, **more)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (facts(1, passed=2), facts(0, passed=1, agreeing=9, votes=9, logprob=-0.1)),
        (facts(1, consensus=0.7), facts(0, consensus=0.4, agreeing=9)),
        (facts(1, consensus=0.4, votes=2), facts(0, consensus=0.7, votes=0)),
        (facts(1, agreeing=4, crash_free=0.3), facts(0, agreeing=2, logprob=-0.1)),
        (facts(1, crash_free=0.6), facts(0, crash_free=0.4, logprob=-0.1)),
        (facts(0, crash_free=0.6), facts(1, crash_free=1.0)),
        (facts(1, logprob=-0.1), facts(0, logprob=-0.9)),
        (facts(0), facts(1)),
    ],
)
def test_ours_ranks_as_it_says(one: Facts, other: Facts) -> None:
    assert ours([one, other], Random(0)) == ours([other, one], Random(0)) == one.index


def test_the_ways_differ_where_they_should() -> None:
    candidates = [
        facts(0, logprob=-0.5, consensus=0.5),
        facts(1, agreeing=3, logprob=-0.9, consensus=0.4),
        facts(2, votes=3, logprob=-0.9, consensus=0.1),
        facts(3, logprob=-0.1, passed=0),
        facts(4, votes=1, logprob=-0.9, consensus=0.4),
        facts(5, logprob=-0.9, consensus=0.6),
    ]
    chosen = {name: choose(candidates, Random(0)) for name, choose in SELECTORS.items() if name != "random"}
    assert chosen == {
        "first": 0,
        "logprob": 3,
        "soft asserts": 2,
        "behaviour clusters": 1,
        "consensus": 5,
        "ours": 4,
    }


def test_random_takes_each_in_turn_and_the_same_for_the_same_seed() -> None:
    candidates = [facts(index) for index in range(4)]
    assert {at_random(candidates, Random(seed)) for seed in range(50)} == {0, 1, 2, 3}
    assert at_random(candidates, Random(7)) == at_random(candidates, Random(7))
