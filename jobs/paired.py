"""Comparing two systems on the same tasks, and how far a share of tasks can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import comb, sqrt
from statistics import NormalDist


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value of McNemar's test of no difference.

    It counts the tasks that only one of the two solved: under no difference each goes either way like a coin
    (McNemar 1947).
    """
    changed = only_first + only_second
    tail = sum(comb(changed, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2.0**changed)


def changed(runs: Iterable[tuple[str, bool, bool]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tasks that the second system solved more often than the first, and those that it solved less often.

    One (task, solved by the first, solved by the second) a run; a task may have several.
    """
    ahead: Counter[str] = Counter()
    for task, first, second in runs:
        ahead[task] += second - first
    tasks = sorted(ahead)
    return tuple(task for task in tasks if ahead[task] > 0), tuple(task for task in tasks if ahead[task] < 0)


def wilson(right: float, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a share, 0 to 1 (Wilson 1927): also for few tasks, or none or all right.

    `right` may be a mean over repeats.
    """
    if of == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, room = right / of, 1 + z * z / of
    middle = (share + z * z / (2 * of)) / room
    half = z / room * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)
