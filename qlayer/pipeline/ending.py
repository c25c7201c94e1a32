"""How a run ends: on record once, whoever ends it. Needs the records alone, no model and no sandbox."""

from __future__ import annotations

import os

from qlayer.store.base import Records
from qlayer.types.ids import RunId
from qlayer.types.run import CancelRequested, Finished, RunStatus, worked_seconds


async def finish(records: Records, run_id: RunId, status: RunStatus, reason: str) -> None:
    """Record the end, unless it is recorded already."""
    record = await records.run(run_id)
    if record.finished is not None:
        return
    seconds = round(worked_seconds(record.events), 3)
    await records.append(run_id, Finished(status=status, reason=reason, seconds=seconds, usage=record.usage))


async def cancel_run(records: Records, run_id: RunId, *, lease_ttl_s: float) -> None:
    """Ask a run to stop. One that nobody works on ends at once.

    Raises `NotFoundError`, and `ConflictError` after the end.
    """
    await records.append(run_id, CancelRequested())
    owner = f"cancel-{os.urandom(4).hex()}"
    if await records.claim(run_id, owner, lease_ttl_s):
        try:
            await finish(records, run_id, RunStatus.CANCELLED, "cancelled before it went on")
        finally:
            await records.release(run_id, owner)
