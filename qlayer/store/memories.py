"""Corrections in the same SQL database as the records, for SQLite and PostgreSQL alike.

A vector is stored as bytes (little-endian float32): there are thousands of corrections at most, so all of an
embedder's vectors are read and compared in the process, and no database extension is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Table, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from qlayer.store.base import Vector
from qlayer.store.database import Database
from qlayer.store.tables import correction_vectors, corrections, forgotten_rules, memory_uses
from qlayer.types.ids import RunId
from qlayer.types.memory import Correction, MemoryId, is_rule


class SqlMemories:
    """`Memories` in a database that somebody else opened and closes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, correction: Correction) -> bool:
        row = {"id": correction.id, "body": correction.model_dump_json()}
        return await self._insert_new(corrections, row)

    async def corrections(self) -> tuple[Correction, ...]:
        query = select(corrections.c.body).order_by(corrections.c.position)
        async with self._database.read() as db:
            return tuple(Correction.model_validate_json(row.body) for row in await db.execute(query))

    async def forget(self, memory: MemoryId) -> None:
        if is_rule(memory):
            await self._insert_new(forgotten_rules, {"id": memory})
            return
        async with self._database.write() as db:
            await db.execute(delete(memory_uses).where(memory_uses.c.memory == memory))
            await db.execute(delete(correction_vectors).where(correction_vectors.c.correction == memory))
            await db.execute(delete(corrections).where(corrections.c.id == memory))

    async def forgotten(self) -> frozenset[MemoryId]:
        async with self._database.read() as db:
            return frozenset(MemoryId(row.id) for row in await db.execute(select(forgotten_rules.c.id)))

    async def mark_used(self, memories: Iterable[MemoryId], run_id: RunId) -> None:
        for memory in memories:
            await self._insert_new(memory_uses, {"memory": memory, "run_id": run_id})

    async def uses(self) -> Mapping[MemoryId, int]:
        query = select(memory_uses.c.memory, func.count().label("runs")).group_by(memory_uses.c.memory)
        async with self._database.read() as db:
            return {MemoryId(row.memory): row.runs for row in await db.execute(query)}

    async def keep_vectors(self, embedder: str, vectors: Mapping[MemoryId, Vector]) -> None:
        for memory, vector in vectors.items():
            row = {"correction": memory, "embedder": embedder, "vector": _packed(vector)}
            await self._insert_new(correction_vectors, row)

    async def vectors(self, embedder: str) -> Mapping[MemoryId, Vector]:
        query = select(correction_vectors).where(correction_vectors.c.embedder == embedder)
        async with self._database.read() as db:
            return {MemoryId(row.correction): _unpacked(row.vector) for row in await db.execute(query)}

    async def _insert_new(self, table: Table, row: Mapping[str, Any]) -> bool:
        """Insert unless its key is there. One that refers to a correction that is gone is left out."""
        try:
            async with self._database.write() as db:
                if await _has(db, table, row):
                    return False
                await db.execute(insert(table).values(**row))
                return True
        except IntegrityError:  # another process was quicker, or the correction was forgotten in between
            return False


async def _has(db: AsyncConnection, table: Table, row: Mapping[str, Any]) -> bool:
    key = [column for column in table.primary_key.columns if column.name in row] or [table.c.id]
    query = select(*key).where(*(column == row[column.name] for column in key))
    return (await db.execute(query)).first() is not None


def _packed(vector: Vector) -> bytes:
    return struct.pack(f"<{len(vector)}f", *vector)


def _unpacked(data: bytes) -> Vector:
    return struct.unpack(f"<{len(data) // 4}f", data)
