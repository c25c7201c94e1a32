"""The files that a run was asked to leave."""

from __future__ import annotations

from collections.abc import Sequence

from qlayer.sandbox.warm.grade.findings import Finding
from qlayer.sandbox.warm.observation import Observation
from qlayer.types.verdict import Outcome, Phase

_ENDED_WELL = (Outcome.ACCEPTED, Outcome.WRONG_ANSWER)


def grade(seen: Observation, found: Sequence[Finding]) -> list[Finding]:
    """What the collection found, beside what is known of the run itself.

    A file that is missing because the run broke off is not news; one that is a trick always is.
    """
    fault = seen.collected.fault
    if fault is None:
        return []
    if fault.missing and any(finding.outcome not in _ENDED_WELL for finding in found):
        return []
    return [Finding(Outcome.FILE_ERROR, fault.cause, phase=Phase.COLLECT, limit=fault.limit)]
