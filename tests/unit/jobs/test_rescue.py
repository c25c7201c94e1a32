"""Broken and rescued answers are counted as the gate sees them, before and after the fixes."""

from __future__ import annotations

from itertools import count

from jobs.rescue import rescues
from qlayer.generation.base import Slot

SLOT = Slot(
    name="root", path="m.py", module="m", signature="def root(n: float) -> float", brief="The square root."
)
GOOD = "```python\ndef root(n):\n    return n ** 0.5\n```"
RESCUED = "```python\ndef root(n):\n    return math.sqrt(n)\n```"
LOST = "```python\ndef root(n):\n    return square_root_of(n)\n```"
TIDIED = "```python\ndef root(n):\n    return n ** 0.5\n\nprint(root(4))\n```"


def test_what_is_broken_rescued_and_lost() -> None:
    ticks = count()
    seen = rescues([(text, SLOT) for text in (GOOD, RESCUED, LOST, TIDIED)], clock=lambda: float(next(ticks)))
    assert seen is not None
    assert (seen.answers, seen.broken, seen.rescued, seen.spoilt) == (4, 2, 1, 0)
    assert seen.share == 0.5
    assert seen.fixes == {"add_imports": 1, "drop_example_code": 1}
    assert (seen.median_ms, seen.worst_ms) == (1_000, 1_000)


def test_no_answers_no_numbers() -> None:
    assert rescues([]) is None
