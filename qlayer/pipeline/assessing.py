"""The assessment of a finished project as a recorded step: quality, security findings, cost of the tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from qlayer.generation.base import Skeleton
from qlayer.pipeline.journal import Journal
from qlayer.pipeline.proving import samples_of
from qlayer.types.assessment import Assessment, CheckCost
from qlayer.types.run import Assessed, RunRecord, SlotSettled
from qlayer.types.source import SourceTree
from qlayer.validation.assessment import Weaknesses, assess
from qlayer.validation.profile import costs


async def assess_run(journal: Journal, skeleton: Skeleton, tree: SourceTree, scan: Weaknesses) -> Assessment:
    """Assess the files that hold slots. What the tests cost is read from the record."""
    record = await journal.record()

    async def make() -> Assessed:
        paths = list(dict.fromkeys(slot.path for slot in skeleton.slots))
        found = await asyncio.to_thread(assess, tree, paths, list(_costs(record)), scan)
        return Assessed(tree=tree.digest, assessment=found)

    return (await journal.step("assess", [tree.digest], Assessed, make)).assessment


def _costs(record: RunRecord) -> Iterator[CheckCost]:
    settled = {event.body.slot: event.body for event in record.events if isinstance(event.body, SlotSettled)}
    for slot in settled.values():
        samples = samples_of(record, slot)
        if samples.kept is not None:
            yield from costs(slot.slot, samples.kept.checks, [rival.checks for rival in samples.passing])
