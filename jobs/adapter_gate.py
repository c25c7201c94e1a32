"""The gate before an adapter: trained on corrections, it may not be worse at everything else.

Base and adapter are evaluated on the same tasks. An adapter that solves fewer by more than one point in a
hundred is refused, whatever it gained elsewhere: what was learned must not cost what was known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from jobs.paired import mcnemar
from qlayer.errors import InputError
from qlayer.types.frozen import Frozen
from qlayer.types.verdict import Outcome

MAX_LOSS_POINTS = 1.0
"""From the issue: one point, of a hundred tasks."""


class GateReport(Frozen):
    """What the gate decided, and on what."""

    accepted: bool
    reason: str
    tasks: int
    base: int
    """Tasks solved."""
    adapter: int
    points: float
    """Adapter minus base, of a hundred."""
    p_value: float
    """Exact McNemar test, two-sided, of no change."""
    lost: tuple[str, ...]
    """Tasks that the base solved and the adapter did not."""
    gained: tuple[str, ...]


def judge_adapter(
    base: Mapping[str, bool], adapter: Mapping[str, bool], *, max_loss_points: float = MAX_LOSS_POINTS
) -> GateReport:
    """Compare task by task. Raises `InputError` unless both are about the same tasks, and at least one."""
    odd = sorted(base.keys() ^ adapter.keys())
    if odd or not base:
        problem = f"only one of them has {odd[0]}" if odd else "there is no task"
        raise InputError(f"the two evaluations cannot be compared: {problem}", field="adapter")
    lost = tuple(sorted(task for task in base if base[task] and not adapter[task]))
    gained = tuple(sorted(task for task in base if adapter[task] and not base[task]))
    points = 100 * (len(gained) - len(lost)) / len(base)
    accepted = points >= -max_loss_points
    verb = "loses" if points < 0 else "gains"
    reason = f"it {verb} {abs(points):.2f} points on {len(base)} tasks"
    return GateReport(
        accepted=accepted,
        reason=reason if accepted else f"{reason}, more than {max_loss_points:g}",
        tasks=len(base),
        base=sum(base.values()),
        adapter=sum(adapter.values()),
        points=round(points, 4),
        p_value=mcnemar(len(lost), len(gained)),
        lost=lost,
        gained=gained,
    )


def read_results(path: Path) -> dict[str, bool]:
    """Task -> solved, from a ledger of `jobs.evaluate`, or any JSONL with `task` and `passed`.

    Raises `InputError` naming the line.
    """
    results: dict[str, bool] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", field="results") from None
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            solved = row["passed"] if "passed" in row else row["final"] == Outcome.ACCEPTED
            results[str(row["task"])] = bool(solved)
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"{path} line {number} has no `task` with `passed` or `final`", field="results"
            ) from None
    return results
