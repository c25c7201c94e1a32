"""What the automatic fixes are worth: how many refused answers they rescue, and what that costs.

Reads a log of answers and runs nothing: an answer is broken when the gate refuses the code that was extracted
from it, and rescued when the gate bears it after the fixes. Whether a rescued program is also right is
counted elsewhere, from its hidden tests.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from qlayer.generation.autofix import autofix
from qlayer.generation.base import Slot
from qlayer.generation.extract import extract_code
from qlayer.generation.gate import inspect
from qlayer.types.frozen import Frozen


class Rescue(Frozen):
    """The automatic fixes on a set of answers."""

    answers: int
    broken: int
    """The gate refuses the code as the model gave it."""
    rescued: int
    """Of the broken ones, those that the gate bears after the fixes."""
    spoilt: int
    """The gate bore them before the fixes and refuses them after: must be 0."""
    fixes: Mapping[str, int]
    """How often each fix changed something, the most frequent first."""
    median_ms: float
    worst_ms: float
    """Of all fixes together on one answer, the gate left out."""

    @property
    def share(self) -> float:
        """Rescued of broken; 0 when nothing was broken."""
        return self.rescued / self.broken if self.broken else 0.0


def rescues(
    answers: Iterable[tuple[str, Slot]], clock: Callable[[], float] = time.perf_counter
) -> Rescue | None:
    """Measure the fixes on (text of the answer, slot) pairs; None without any. `clock` counts seconds."""
    fixes: Counter[str] = Counter()
    changes: Counter[tuple[bool, bool]] = Counter()
    seconds: list[float] = []
    for text, slot in answers:
        code = extract_code(text, slot)
        began = clock()
        fixed, names = autofix(code, slot)
        seconds.append(clock() - began)
        fixes.update(names)
        changes[refused(code, slot), refused(fixed, slot)] += 1
    if not seconds:
        return None
    return Rescue(
        answers=len(seconds),
        broken=changes[True, False] + changes[True, True],
        rescued=changes[True, False],
        spoilt=changes[False, True],
        fixes=dict(fixes.most_common()),
        median_ms=1_000 * statistics.median(seconds),
        worst_ms=1_000 * max(seconds),
    )


def refused(code: str, slot: Slot) -> bool:
    """Whether the gate keeps this code from being run."""
    return any(diagnosis.fatal for diagnosis in inspect(code, slot))
