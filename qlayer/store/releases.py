"""Versions, pointers and signatures in the records' SQL database, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import Select, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from qlayer.store.database import Database
from qlayer.store.publishing import check_version_exists, is_published
from qlayer.store.tables import attestations, pointer_moves, releases
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId
from qlayer.types.release import Attestation, PointerMove, Release

_Body = TypeVar("_Body", bound=Frozen)


class SqlReleases:
    """`Releases` in a database that somebody else opened and closes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, release: Release) -> bool:
        try:
            async with self._database.write() as db:
                if is_published(release, await _named(db, release.name)):
                    return False
                row = {"name": release.name, "version": release.version, "capsule": release.capsule}
                await db.execute(insert(releases).values(**row, body=release.model_dump_json()))
                return True
        except IntegrityError:  # another process published between our look and our insert
            async with self._database.read() as db:
                return not is_published(release, await _named(db, release.name))

    async def history(self, name: str) -> tuple[Release, ...]:
        async with self._database.read() as db:
            return await _named(db, name)

    async def newest(self, *, limit: int = 50) -> tuple[Release, ...]:
        last = select(func.max(releases.c.position)).group_by(releases.c.name)
        query = select(releases.c.body).where(releases.c.position.in_(last))
        return await self._all(Release, query.order_by(releases.c.position.desc()).limit(limit))

    async def of_capsule(self, capsule: CapsuleId) -> tuple[Release, ...]:
        query = select(releases.c.body).where(releases.c.capsule == capsule)
        return await self._all(Release, query.order_by(releases.c.position))

    async def point(self, move: PointerMove) -> None:
        async with self._database.write() as db:
            check_version_exists(move, await _named(db, move.name))
            row = {"name": move.name, "pointer": move.pointer, "body": move.model_dump_json()}
            await db.execute(insert(pointer_moves).values(**row))

    async def moves(self, name: str) -> tuple[PointerMove, ...]:
        query = select(pointer_moves.c.body).where(pointer_moves.c.name == name)
        return await self._all(PointerMove, query.order_by(pointer_moves.c.position.desc()))

    async def attest(self, attestation: Attestation) -> bool:
        row = {"capsule": attestation.capsule, "envelope": attestation.envelope}
        known = select(attestations.c.position).filter_by(**row)
        try:
            async with self._database.write() as db:
                if (await db.execute(known)).first() is not None:
                    return False
                await db.execute(insert(attestations).values(**row, body=attestation.model_dump_json()))
                return True
        except IntegrityError:  # another process kept the same signature
            return False

    async def attestations(self, capsule: CapsuleId) -> tuple[Attestation, ...]:
        query = select(attestations.c.body).where(attestations.c.capsule == capsule)
        return await self._all(Attestation, query.order_by(attestations.c.position))

    async def _all(self, kind: type[_Body], query: Select[tuple[str]]) -> tuple[_Body, ...]:
        async with self._database.read() as db:
            return tuple(kind.model_validate_json(row.body) for row in await db.execute(query))


async def _named(db: AsyncConnection, name: str) -> tuple[Release, ...]:
    query = select(releases.c.body).where(releases.c.name == name).order_by(releases.c.position.desc())
    return tuple(Release.model_validate_json(row.body) for row in await db.execute(query))
