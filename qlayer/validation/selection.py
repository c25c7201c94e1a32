"""Which candidate is kept: an order over facts that are known without the hidden tests.

Trusted passes come before all else; then how far the others agree with it, input by input, weighed with the
soft votes of asserts that the model wrote; then how many do exactly the same, whether it mostly breaks, and
how sure the model was. Every way of choosing that was ever compared is here under its name, so that one log
of candidates replays them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from qlayer.types.choice import Facts

__all__ = [
    "SELECTORS",
    "Facts",
    "Selector",
    "at_random",
    "first",
    "largest_cluster",
    "leading",
    "most_consensus",
    "most_votes",
    "ours",
    "surest",
    "tied",
]


Selector = Callable[[Sequence[Facts], Random], int]
"""Gives the `index` of the chosen candidate. There is at least one."""


def ours(candidates: Sequence[Facts], random: Random) -> int:
    """Trusted passes >> consensus x (1 + votes) >> cluster >> mostly crash-free >> logprob >> earliest."""
    return max(candidates, key=_rank).index


def first(candidates: Sequence[Facts], random: Random) -> int:
    """The first that passes the most trusted cases."""
    return max(candidates, key=lambda facts: (facts.passed, -facts.index)).index


def at_random(candidates: Sequence[Facts], random: Random) -> int:
    """Any, all alike."""
    return random.choice([facts.index for facts in candidates])


def surest(candidates: Sequence[Facts], random: Random) -> int:
    """The one the model was surest of."""
    return max(candidates, key=lambda facts: (facts.logprob, -facts.index)).index


def most_votes(candidates: Sequence[Facts], random: Random) -> int:
    """Trusted passes, then the model's own asserts."""
    return max(candidates, key=lambda facts: (facts.passed, facts.votes, -facts.index)).index


def largest_cluster(candidates: Sequence[Facts], random: Random) -> int:
    """Trusted passes, then the most that behave the same."""
    return max(candidates, key=lambda facts: (facts.passed, facts.agreeing, -facts.index)).index


def most_consensus(candidates: Sequence[Facts], random: Random) -> int:
    """Trusted passes, then agreement input by input."""
    return max(candidates, key=lambda facts: (facts.passed, round(facts.consensus, 2), -facts.index)).index


SELECTORS: Mapping[str, Selector] = {
    "random": at_random,
    "first": first,
    "logprob": surest,
    "soft asserts": most_votes,
    "behaviour clusters": largest_cluster,
    "consensus": most_consensus,
    "ours": ours,
}


_SEEN = 4
"""So many places of the rank tell what was seen of the program; the rest is how it came about."""


def leading(candidates: Sequence[Facts], groups: Sequence[Sequence[int]]) -> tuple[Facts, ...]:
    """The best candidate of each of the two groups that lead, the first one first.

    `groups` hold indices of candidates; one comes back when there is only one group.
    """
    by_index = {facts.index: facts for facts in candidates}
    best = [max((by_index[at] for at in group), key=_rank) for group in groups if group]
    return tuple(sorted(best, key=_rank, reverse=True)[:2])


def tied(best: Sequence[Facts]) -> bool:
    """Whether nothing that was seen of the programs puts the first of two before the second."""
    return len(best) == 2 and _rank(best[0])[:_SEEN] == _rank(best[1])[:_SEEN]


def _rank(facts: Facts) -> tuple[int, float, int, int, float, int]:
    """Consensus counts a crash only where others return a value, and a right program that refuses an input
    outside of the domain in its own way loses little: that is why it stands before both other facts. Of equal
    ones the greedy sample is likelier right (ours: 71 % against 62 % at T=0.8) than the one that breaks less,
    unless it breaks on most inputs."""
    weight = round(facts.consensus, 2) * (1 + facts.votes)
    return facts.passed, weight, facts.agreeing, round(facts.crash_free), facts.logprob, -facts.index
