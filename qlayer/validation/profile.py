"""What the trusted tests of a slot cost with the kept candidate, beside the others that pass the same tests.

Read off results that are there anyway; nothing is run again. Small times are noise, so only what takes long
enough is ever called slow.
"""

from __future__ import annotations

from collections.abc import Sequence

from qlayer.types.assessment import CaseCost, CheckCost
from qlayer.types.check import BOOT, SMOKE, CheckResult


def costs(
    slot: str, kept: Sequence[CheckResult], others: Sequence[Sequence[CheckResult]]
) -> tuple[CheckCost, ...]:
    """One entry for each trusted check that the kept candidate passes. Pure."""
    return tuple(
        _cost(slot, check, [rival for checks in others for rival in checks if _same(rival, check)])
        for check in kept
        if check.trusted and check.ok and check.cases and check.check not in (BOOT, SMOKE)
    )


def _same(rival: CheckResult, check: CheckResult) -> bool:
    return rival.ok and rival.check == check.check


def _cost(slot: str, check: CheckResult, rivals: Sequence[CheckResult]) -> CheckCost:
    memory = [rival.usage.memory_peak_bytes for rival in rivals if rival.usage.memory_peak_bytes]
    return CheckCost(
        slot=slot,
        check=check.check,
        seconds=sum(case.seconds for case in check.cases),
        memory_peak_bytes=check.usage.memory_peak_bytes,
        leanest_bytes=min(memory, default=None),
        compared=len(rivals),
        cases=tuple(
            CaseCost(name=case.name, seconds=case.seconds, fastest_s=_fastest(case.name, rivals))
            for case in check.cases
        ),
    )


def _fastest(case: str, rivals: Sequence[CheckResult]) -> float | None:
    return min((one.seconds for rival in rivals for one in rival.cases if one.name == case), default=None)
