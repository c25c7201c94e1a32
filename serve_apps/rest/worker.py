"""Carrying runs to their end in the background of one replica.

A run is on record before the worker hears of it, and the lease in the record decides who works on it. So the
worker's memory is only a hurry: what it forgets by dying, the next scan of any replica finds again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from qlayer.errors import ConflictError, QlayerError
from qlayer.store.base import Records
from qlayer.types.ids import RunId
from qlayer.types.run import RunRecord
from serve_apps.rest.metrics import ApiMeter

FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 120.0

log = logging.getLogger(__name__)


class Executor(Protocol):
    """What the worker needs of `qlayer.pipeline.pipeline.Pipeline`."""

    async def execute(self, run_id: RunId, *, owner: str) -> RunRecord: ...


@dataclass
class _Postponed:
    failures: int
    until: float
    """Event-loop time."""


class RunWorker:
    """Executes runs of origin ``api``, at most `max_runs` at once, oldest first. Use as ``async with``.

    Every `scan_s` seconds it takes over runs whose worker has gone (their lease has expired). A run that
    could not go on because a part was away is tried again after a growing delay; on leaving, running work is
    stopped and its leases are given back, so that another replica goes on at once.
    """

    def __init__(
        self,
        pipeline: Executor,
        records: Records,
        meter: ApiMeter,
        *,
        owner: str,
        max_runs: int,
        scan_s: float,
    ) -> None:
        self._pipeline = pipeline
        self._records = records
        self._meter = meter
        self._owner = owner
        self._max_runs = max_runs
        self._scan_s = scan_s
        self._waiting: deque[RunId] = deque()
        self._running: dict[RunId, asyncio.Task[None]] = {}
        self._postponed: dict[RunId, _Postponed] = {}
        self._scanner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> RunWorker:
        self._scanner = asyncio.create_task(self._scan_forever(), name="run-recovery")
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._waiting.clear()
        tasks = [task for task in (self._scanner, *self._running.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def take(self, run_id: RunId) -> None:
        """Work on this run as soon as there is room. Twice is once."""
        if run_id not in self._running and run_id not in self._waiting:
            self._waiting.append(run_id)
            self._fill()

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self._max_runs:
            run_id = self._waiting.popleft()
            task = asyncio.create_task(self._carry(run_id), name=f"run {run_id}")
            self._running[run_id] = task
            task.add_done_callback(lambda _, run_id=run_id: self._done(run_id))  # type: ignore[misc]
        self._meter.runs(active=len(self._running), waiting=len(self._waiting))

    def _done(self, run_id: RunId) -> None:
        self._running.pop(run_id, None)
        self._fill()

    async def _carry(self, run_id: RunId) -> None:
        try:
            record = await self._pipeline.execute(run_id, owner=self._owner)
        except ConflictError:
            log.info("%s is another worker's", run_id)
        except QlayerError as error:
            self._postpone(run_id, error)
        except Exception as error:
            # A defect that one run meets must not end the others; the run is tried again later.
            log.exception("%s: a defect", run_id)
            self._postpone(run_id, error)
        else:
            self._postponed.pop(run_id, None)
            self._meter.ended(record.status.value)

    def _postpone(self, run_id: RunId, error: Exception) -> None:
        failures = self._postponed[run_id].failures + 1 if run_id in self._postponed else 1
        delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (failures - 1))
        self._postponed[run_id] = _Postponed(failures, asyncio.get_running_loop().time() + delay)
        self._meter.postponed(type(error).__name__)
        log.warning("%s: %s; next try in %.0f s at the earliest", run_id, error, delay)

    async def _scan_forever(self) -> None:
        while True:
            with suppress(QlayerError):  # the records are away: /readyz says so, the next scan may work
                await self._scan()
            await asyncio.sleep(self._scan_s)

    async def _scan(self) -> None:
        now = asyncio.get_running_loop().time()
        unfinished = await self._records.unfinished("api")
        for run_id in self._postponed.keys() - set(unfinished) - self._running.keys():
            del self._postponed[run_id]
        for run_id in unfinished:
            postponed = self._postponed.get(run_id)
            if postponed is None or postponed.until <= now:
                self.take(run_id)
