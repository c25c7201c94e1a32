"""One SQL database, opened for durable use: SQLite in WAL mode, or PostgreSQL.

It knows connections, transactions and migrations, and nothing of what the rows mean.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from qlayer.errors import ConfigurationError
from qlayer.store.faults import explained, place_of
from qlayer.store.migrations import upgrade

DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg")
LOCK_WAIT_S = 30.0
"""How long a SQLite writer waits for another one before it says that the database is locked."""
CONNECT_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 60.0

_READ_ONLY = "qlayer_read_only"
_WAL_ATTEMPTS = 600
_WAL_PAUSE_S = 0.05


class Database:
    """Connections to one database. Every error that leaves it is a `StoreError` or an `IntegrityError`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._readers = engine.execution_options(**{_READ_ONLY: True})
        self.place = place_of(engine.url)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection with one consistent view."""
        with explained(self.place):
            async with self._readers.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: durable when the block was left, undone when it raised."""
        with explained(self.place):
            async with self._engine.begin() as connection:
                yield connection

    async def aclose(self) -> None:
        await self._engine.dispose()


async def open_database(url: str) -> Database:
    """Connect, create what is missing and migrate to the newest schema.

    Raises `ConfigurationError` for a URL that cannot work and for a database of a newer version,
    `StoreFull` and `StoreError` when the database cannot be reached or written.
    """
    database = await _connect(_parse(url))
    try:
        async with database.write() as connection:
            await connection.run_sync(upgrade, database.place)
    except BaseException:
        await database.aclose()
        raise
    return database


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "the records URL is not a database URL", hint=f"use {DRIVERS[0]}:///PATH"
        ) from None
    if parsed.drivername not in DRIVERS:
        raise ConfigurationError(
            f"records cannot be kept with {parsed.drivername!r}", hint=f"use one of: {', '.join(DRIVERS)}"
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigurationError("the records URL names no file, and records must outlive the process")
    return parsed


async def _connect(url: URL) -> Database:
    if url.get_backend_name() == "postgresql":
        return Database(_postgres_engine(url))
    path = Path(url.database or "")
    with explained(place_of(url)):
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        mode = await asyncio.to_thread(_use_wal, str(path))
    if mode != "wal":
        raise ConfigurationError(
            f"{place_of(url)} is on a file system without shared memory (journal mode {mode})",
            hint="keep it on a local disk, or use PostgreSQL",
        )
    return Database(_sqlite_engine(url))


def _sqlite_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(url, connect_args={"timeout": LOCK_WAIT_S})

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = (
            None  # transactions begin where `begin` says, not where the driver guesses
        )
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes the lock at once: upgrading a read lock later fails without waiting for its turn.
        read_only = connection.get_execution_options().get(_READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _postgres_engine(url: URL) -> AsyncEngine:
    timeouts = {"timeout": CONNECT_TIMEOUT_S, "command_timeout": COMMAND_TIMEOUT_S}
    try:
        return create_async_engine(url, connect_args=timeouts, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"PostgreSQL needs the package {error.name}", hint="pip install 'qlayer[postgres]'"
        ) from None


def _use_wal(path: str) -> str:
    """Write-ahead logging is a property of the file. Returns the journal mode that is in force."""
    connection = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)
    try:
        for _ in range(_WAL_ATTEMPTS):  # two first openers collide without waiting for each other
            try:
                return str(connection.execute("PRAGMA journal_mode=WAL").fetchone()[0])
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(_WAL_PAUSE_S)
        return str(connection.execute("PRAGMA journal_mode=WAL").fetchone()[0])
    finally:
        connection.close()
