"""How an evaluation's items are done: each once, by the product, and on from where it was.

A ledger keyed by plan and item makes it resumable: killed at any point, a rerun repeats no finished item, and
the one under way goes on from its last recorded step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from jobs.ledger import Ledger, LedgerRow
from jobs.progress import ProgressLine
from qlayer.errors import AnswerMissing, ConflictError, QlayerError
from qlayer.pipeline.pipeline import Pipeline
from qlayer.types.ids import Digest
from qlayer.types.run import RunRecord, RunRequest


async def carry_out(pipeline: Pipeline, request: RunRequest, key: Digest) -> RunRecord:
    """Run a request to its end, or go on with it. A run that failed for good is a result too.

    Raises what trying again can help with, `AnswerMissing` included.
    """
    run_id, _ = await pipeline.submit(request, idempotency_key=key)
    try:
        return await pipeline.execute(run_id, owner=f"evaluate-{key[7:19]}")
    except QlayerError as error:
        if error.retryable or isinstance(error, ConflictError):
            raise
        return await pipeline.records.run(run_id)


Row = TypeVar("Row", bound=LedgerRow)
Item = TypeVar("Item")


class Done(NamedTuple, Generic[Row]):
    """What there is of an evaluation when it ends."""

    rows: tuple[Row, ...]
    """Of the items that were asked for, in their order."""
    resumed: int
    """Of these, those that were in the ledger before."""
    incomplete: int
    """Items that could not be finished, because the log has no answer for them; they are in no ledger."""


async def do_missing(
    items: Sequence[tuple[Digest, Item]],
    work: Callable[[Digest, Item], Awaitable[Row]],
    ledger: Ledger[Row],
    progress: ProgressLine[Row],
    concurrency: int,
) -> Done[Row]:
    """Do what the ledger lacks, `concurrency` items at a time, in order."""
    left = [(key, item) for key, item in items if key not in ledger]
    missing = iter(left)

    async def worker() -> None:
        for key, item in missing:
            try:
                row = await work(key, item)
            except AnswerMissing:
                continue
            ledger.add(row)
            progress.advance(row)

    with progress.of(len(items), done=len(items) - len(left)):
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(worker())
    by_key = {row.key: row for row in ledger.rows}
    rows = tuple(by_key[key] for key, _ in items if key in by_key)
    return Done(rows=rows, resumed=len(items) - len(left), incomplete=len(items) - len(rows))
