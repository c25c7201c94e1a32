"""Comparing two systems on the same tasks."""

from __future__ import annotations

from math import comb


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value of McNemar's test of no difference.

    It counts the tasks that only one of the two solved: under no difference each goes either way like a coin
    (McNemar 1947).
    """
    changed = only_first + only_second
    tail = sum(comb(changed, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2.0**changed)
