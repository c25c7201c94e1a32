"""Every digest that any record names: what a collector must keep.

It reads all text of all tables and asks nothing of their meaning, so a record of a kind that does not exist
yet keeps its blobs too. A digest that stands in a text by chance keeps a blob too many, never one too few.
"""

from __future__ import annotations

from sqlalchemy import String, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from qlayer.store.database import Database
from qlayer.store.keeping import References, digests_in
from qlayer.store.tables import metadata
from qlayer.types.ids import CapsuleId, Digest

_CAPSULES = {("capsules", "id"), ("runs", "capsule"), ("releases", "capsule"), ("attestations", "capsule")}
"""Columns whose digests are capsules: those name further blobs."""


async def references(database: Database) -> References:
    """Read every table. What is recorded while this goes on may be missing. Raises `StoreError`."""
    digests: set[Digest] = set()
    capsules: set[CapsuleId] = set()
    async with database.read() as connection:
        for table in metadata.sorted_tables:
            await _read(connection, table, digests, capsules)
    return References(digests=frozenset(digests), capsules=frozenset(capsules))


async def _read(
    connection: AsyncConnection, table: Table, digests: set[Digest], capsules: set[CapsuleId]
) -> None:
    texts = [column for column in table.columns if isinstance(column.type, String)]
    async with connection.stream(select(*texts)) as rows:
        async for row in rows:
            for column, text in zip(texts, row, strict=True):
                found = set(digests_in(text or ""))
                digests |= found
                if (table.name, column.name) in _CAPSULES:
                    capsules.update(map(CapsuleId, found))
