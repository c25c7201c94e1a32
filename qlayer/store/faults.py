"""What a database driver's error means to a caller: full, locked, damaged, unreachable.

Messages name the database without user, password or query options, and never repeat SQL or its parameters.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from qlayer.errors import StoreError, StoreFull

FULL_HINT = "free some space and run the same command again"

# An index in shared memory that cannot grow is how SQLite meets a full tmpfs.
_SQLITE_FULL = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")
_SQLITE_LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")
_SQLITE_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_POSTGRES_DISK_FULL = "53100"


def place_of(url: URL) -> str:
    """The database in words that may be shown to anybody."""
    if url.get_backend_name() == "sqlite":
        return f"the records database {url.database}"
    port = f":{url.port}" if url.port else ""
    return f"the records database {url.database} on {url.host or 'localhost'}{port}"


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turn what a driver raises into `StoreError`. `IntegrityError` passes: it is the caller's to read."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise explain(error.orig or error, place) from error
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise explain(error, place) from error


def explain(error: BaseException, place: str) -> StoreError:
    sqlite = str(getattr(error, "sqlite_errorname", ""))
    state = str(getattr(error, "sqlstate", None) or "")
    if sqlite in _SQLITE_FULL or state == _POSTGRES_DISK_FULL:
        return StoreFull(f"no space left for {place}; nothing was half-written", hint=FULL_HINT)
    if sqlite.startswith(_SQLITE_LOCKED):
        return StoreError(f"{place} is locked by another process", hint="try again in a moment")
    if sqlite.startswith(_SQLITE_DAMAGED):
        damaged = StoreError(f"{place} is damaged or is not a database", hint="restore it from a backup")
        damaged.retryable = False
        return damaged
    if isinstance(error, OSError):  # TimeoutError is one
        return StoreError(f"{place} cannot be reached: {type(error).__name__}", hint="is the server running?")
    detail = (str(error).splitlines() or [""])[0].removeprefix(f"{type(error)}: ")
    return StoreError(f"{place} cannot be used: {detail or type(error).__name__}")
