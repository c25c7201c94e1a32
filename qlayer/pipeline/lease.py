"""Working on a run only while its lease is held, and stopping when somebody asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal

from qlayer.errors import ConflictError
from qlayer.store.base import Records
from qlayer.types.ids import RunId

POLL_S = 0.5
"""How often a request to cancel is looked for."""


async def held_lease(
    records: Records, run_id: RunId, owner: str, ttl_s: float, work: Coroutine[Any, Any, None]
) -> bool:
    """Do `work` while renewing the lease. Returns True when it was stopped because of a cancel request.

    Raises what `work` raises, and `ConflictError` when the lease was lost to another owner. When the calling
    task is cancelled the work is cancelled with it.
    """
    working = asyncio.create_task(work)
    watching = asyncio.create_task(_watch(records, run_id, owner, ttl_s))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return False
        why = watching.result()
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)
    if why == "lost":
        raise ConflictError(f"{run_id}: the lease went to another process; this one stopped")
    return True


async def _watch(records: Records, run_id: RunId, owner: str, ttl_s: float) -> Literal["cancel", "lost"]:
    loop = asyncio.get_running_loop()
    renew_at = loop.time() + ttl_s / 3
    seen = 0
    while True:
        for event in await records.history(run_id, after=seen):
            seen = event.seq
            if event.body.kind == "cancel_requested":
                return "cancel"
        if loop.time() >= renew_at:
            if not await records.claim(run_id, owner, ttl_s):
                return "lost"
            renew_at = loop.time() + ttl_s / 3
        await asyncio.sleep(min(POLL_S, ttl_s / 6))
