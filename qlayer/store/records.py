"""Runs and the capsule index in a SQL database, the same code for SQLite and PostgreSQL.

Every change is one transaction that first locks what it depends on: SQLite's write lock, or the run's row in
PostgreSQL. That is what keeps sequence numbers without gaps when several processes write.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from qlayer.errors import ConflictError, InputError, NotFoundError
from qlayer.store.clock import Clock, utc_now
from qlayer.store.database import Database, open_database
from qlayer.store.keys import capsule_prefix, check_idempotency_key
from qlayer.store.tables import capsules, run_events, runs
from qlayer.types.capsule import CapsuleSummary
from qlayer.types.ids import CapsuleId, Digest, RunId, digest_of
from qlayer.types.run import (
    EventBody,
    Finished,
    Packed,
    RunEvent,
    RunRecord,
    RunRequest,
    RunStatus,
    RunSummary,
    Started,
    Submitted,
)

_BODY: TypeAdapter[EventBody] = TypeAdapter(EventBody)
_FINAL = tuple(status.value for status in RunStatus if status.final)


async def open_records(url: str, *, now: Clock = utc_now) -> SqlRecords:
    """Open the records at a SQLAlchemy async URL and migrate them to the newest schema.

    Raises `ConfigurationError`, `StoreFull` and `StoreError`. Close with `aclose`.
    """
    return SqlRecords(await open_database(url), now)


class SqlRecords:
    """`Records` in a database. Leases compare times of different workers: their clocks must agree to well
    within a lease's length."""

    def __init__(self, database: Database, now: Clock) -> None:
        self.database = self._database = database
        self._now = now

    async def submit(
        self, run_id: RunId, request: RunRequest, idempotency_key: str | None = None
    ) -> tuple[RunId, bool]:
        key = None if idempotency_key is None else check_idempotency_key(idempotency_key)
        digest = digest_of(request)
        try:
            async with self._database.write() as db:
                known = await _submitted(db, run_id, key, digest)
                if known is None:
                    await self._insert_run(db, run_id, request, key, digest)
                return (run_id, True) if known is None else (known, False)
        except IntegrityError:  # another process submitted the same key or id between our look and our insert
            async with self._database.read() as db:
                known = await _submitted(db, run_id, key, digest)
            if known is None:
                raise ConflictError(f"run {run_id} was submitted twice at the same time") from None
            return known, False

    async def _insert_run(
        self, db: AsyncConnection, run_id: RunId, request: RunRequest, key: str | None, digest: Digest
    ) -> None:
        at = self._now()
        row = {
            "id": run_id,
            "origin": request.origin,
            "title": request.title,
            "created_at": at,
            "last_seq": 1,
        }
        stored = {"request": request.model_dump_json(), "request_digest": digest, "idempotency_key": key}
        await db.execute(insert(runs).values(**row, **stored, status=RunStatus.QUEUED.value))
        body = Submitted(request=request).model_dump_json()
        await db.execute(insert(run_events).values(run_id=run_id, seq=1, at=at, step=None, body=body))

    async def append(self, run_id: RunId, body: EventBody, *, step: Digest | None = None) -> RunEvent:
        async with self._database.write() as db:
            state = select(runs.c.status, runs.c.last_seq).where(runs.c.id == run_id).with_for_update()
            run = (await db.execute(state)).one_or_none()
            if run is None:
                raise _no_run(run_id)
            if step is not None and (first := await _step(db, run_id, step)) is not None:
                return first
            if run.status in _FINAL:
                raise ConflictError(f"run {run_id} is finished ({run.status}); nothing can be added to it")
            event = RunEvent(run_id=run_id, seq=run.last_seq + 1, at=self._now(), step=step, body=body)
            row = {**event.model_dump(exclude={"body"}), "body": body.model_dump_json()}
            await db.execute(insert(run_events).values(**row))
            await db.execute(
                update(runs).where(runs.c.id == run_id).values(last_seq=event.seq, **_effect(body))
            )
            return event

    async def history(self, run_id: RunId, *, after: int = 0, limit: int = 10_000) -> tuple[RunEvent, ...]:
        query = (
            select(run_events)
            .where(run_events.c.run_id == run_id, run_events.c.seq > after)
            .order_by(run_events.c.seq)
            .limit(limit)
        )
        async with self._database.read() as db:
            events = tuple(_event(row) for row in await db.execute(query))
            if not events:
                await _require_run(db, run_id)
            return events

    async def step(self, run_id: RunId, step: Digest) -> RunEvent | None:
        async with self._database.read() as db:
            event = await _step(db, run_id, step)
            if event is None:
                await _require_run(db, run_id)
            return event

    async def run(self, run_id: RunId) -> RunRecord:
        query = select(run_events).where(run_events.c.run_id == run_id).order_by(run_events.c.seq)
        async with self._database.read() as db:
            events = tuple(_event(row) for row in await db.execute(query))
        if not events:
            raise _no_run(run_id)
        return RunRecord(id=run_id, events=events)

    async def runs(self, *, limit: int = 50, before: RunId | None = None) -> tuple[RunSummary, ...]:
        columns = (runs.c.id, runs.c.created_at, runs.c.status, runs.c.title, runs.c.capsule)
        query = select(*columns).order_by(runs.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(runs.c.id < before)
        async with self._database.read() as db:
            return tuple(RunSummary(**row._mapping) for row in await db.execute(query))

    async def claim(self, run_id: RunId, owner: str, ttl_s: float) -> bool:
        at = self._now()
        free = or_(runs.c.lease_owner.is_(None), runs.c.lease_owner == owner, runs.c.lease_until <= at)
        take = update(runs).where(runs.c.id == run_id, runs.c.status.not_in(_FINAL), free)
        async with self._database.write() as db:
            taken = await db.execute(
                take.values(lease_owner=owner, lease_until=at + timedelta(seconds=ttl_s))
            )
            if taken.rowcount == 0:
                await _require_run(db, run_id)
            return taken.rowcount == 1

    async def release(self, run_id: RunId, owner: str) -> None:
        mine = update(runs).where(runs.c.id == run_id, runs.c.lease_owner == owner)
        async with self._database.write() as db:
            released = await db.execute(mine.values(lease_owner=None, lease_until=None))
            if released.rowcount == 0:
                await _require_run(db, run_id)

    async def unfinished(self, origin: str) -> tuple[RunId, ...]:
        free = or_(runs.c.lease_owner.is_(None), runs.c.lease_until <= self._now())
        query = select(runs.c.id).where(runs.c.origin == origin, runs.c.status.not_in(_FINAL), free)
        async with self._database.read() as db:
            return tuple(RunId(row.id) for row in await db.execute(query.order_by(runs.c.id)))

    async def index_capsule(self, summary: CapsuleSummary) -> None:
        try:
            async with self._database.write() as db:
                known = await db.execute(select(capsules.c.id).where(capsules.c.id == summary.id))
                if known.first() is None:
                    await db.execute(insert(capsules).values(**summary.model_dump()))
        except (
            IntegrityError
        ):  # another process indexed it between our look and our insert: one row, as promised
            return

    async def capsules(
        self, *, limit: int = 50, before: CapsuleId | None = None
    ) -> tuple[CapsuleSummary, ...]:
        query = select(capsules).order_by(capsules.c.position.desc()).limit(limit)
        async with self._database.read() as db:
            if before is not None:
                place = select(capsules.c.position).where(capsules.c.id == before)
                position = (await db.execute(place)).scalar_one_or_none()
                if position is None:
                    raise NotFoundError(f"no capsule {before}", kind="capsule")
                query = query.where(capsules.c.position < position)
            return tuple(_summary(row) for row in await db.execute(query))

    async def find_capsule(self, prefix: str) -> CapsuleSummary:
        wanted = capsule_prefix(prefix)
        query = select(capsules).where(capsules.c.id.startswith(wanted)).limit(2)
        async with self._database.read() as db:
            rows = (await db.execute(query)).all()
        if not rows:
            raise NotFoundError(f"no capsule begins with {wanted}", kind="capsule", hint="qlayer capsule ls")
        if len(rows) > 1:
            raise InputError(f"more than one capsule begins with {wanted}; give more digits", field="capsule")
        return _summary(rows[0])

    async def ping(self) -> None:
        async with self._database.read() as db:
            await db.execute(select(runs.c.id).limit(1))

    async def aclose(self) -> None:
        await self._database.aclose()


async def _submitted(db: AsyncConnection, run_id: RunId, key: str | None, digest: Digest) -> RunId | None:
    """The run that this key or id stands for. Raises `ConflictError` when that asked for something else."""
    same = or_(runs.c.id == run_id, runs.c.idempotency_key == key) if key is not None else runs.c.id == run_id
    rows = (await db.execute(select(runs.c.id, runs.c.request_digest).where(same))).all()
    if any(row.request_digest != digest for row in rows):
        name = f"the idempotency key {key!r}" if key is not None else f"the run id {run_id}"
        raise ConflictError(f"{name} was used for another request", hint="use a new key for a new request")
    return RunId(rows[0].id) if rows else None


async def _step(db: AsyncConnection, run_id: RunId, step: Digest) -> RunEvent | None:
    query = select(run_events).where(run_events.c.run_id == run_id, run_events.c.step == step)
    row = (await db.execute(query)).one_or_none()
    return None if row is None else _event(row)


async def _require_run(db: AsyncConnection, run_id: RunId) -> None:
    if (await db.execute(select(runs.c.id).where(runs.c.id == run_id))).one_or_none() is None:
        raise _no_run(run_id)


def _no_run(run_id: RunId) -> NotFoundError:
    return NotFoundError(f"no run {run_id}", kind="run", hint="qlayer runs ls")


def _effect(body: EventBody) -> dict[str, str | None]:
    """What an event changes in its run's row."""
    match body:
        case Started():
            return {"status": RunStatus.RUNNING.value}
        case Packed(capsule=capsule):
            return {"capsule": capsule}
        case Finished(status=status):
            return {"status": status.value, "lease_owner": None, "lease_until": None}
        case _:
            return {}


def _event(row: Row[Any]) -> RunEvent:
    body = _BODY.validate_json(row.body)
    return RunEvent(run_id=row.run_id, seq=row.seq, at=row.at, step=row.step, body=body)


def _summary(row: Row[Any]) -> CapsuleSummary:
    return CapsuleSummary(**{name: value for name, value in row._mapping.items() if name != "position"})
