"""What a driver's error becomes, and what is said when a driver is not installed."""

from __future__ import annotations

import sys

import pytest

from qlayer.errors import ConfigurationError, StoreError, StoreFull
from qlayer.store.blobs import open_blobs
from qlayer.store.config import StoreConfig
from qlayer.store.faults import explain
from qlayer.store.records import open_records


class _DriverError(Exception):
    def __init__(self, message: str, **facts: str) -> None:
        super().__init__(message)
        self.__dict__.update(facts)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (_DriverError("x", sqlite_errorname="SQLITE_FULL"), StoreFull, "no space left for the place"),
        (_DriverError("x", sqlite_errorname="SQLITE_IOERR_SHMSIZE"), StoreFull, "no space left"),
        (_DriverError("x", sqlstate="53100"), StoreFull, "no space left"),
        (_DriverError("x", sqlite_errorname="SQLITE_BUSY_SNAPSHOT"), StoreError, "locked by another process"),
        (_DriverError("x", sqlite_errorname="SQLITE_CORRUPT_INDEX"), StoreError, "is damaged"),
        (ConnectionRefusedError(111, "refused"), StoreError, "cannot be reached: ConnectionRefusedError"),
        (TimeoutError(), StoreError, "cannot be reached: TimeoutError"),
        (_DriverError("first\nsecond"), StoreError, "cannot be used: first$"),
        (_DriverError(""), StoreError, "cannot be used: _DriverError"),
    ],
)
def test_a_drivers_error_in_our_words(error: Exception, kind: type[StoreError], says: str) -> None:
    explained = explain(error, "the place")
    assert type(explained) is kind
    with pytest.raises(kind, match=says):
        raise explained


async def test_postgres_without_its_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigurationError) as raised:
        await open_records("postgresql+asyncpg://u:secret@127.0.0.1/d")
    assert "qlayer[postgres]" in str(raised.value.hint)


def test_s3_without_its_client_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ConfigurationError) as raised:
        open_blobs(StoreConfig(blobs_url="s3://bucket", records_url=""))
    assert "qlayer[s3]" in str(raised.value.hint)


async def test_a_directory_needs_no_s3_client(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    blobs = open_blobs(StoreConfig(blobs_url=f"file://{tmp_path_factory.mktemp('blobs')}", records_url=""))
    assert await blobs.get(await blobs.put(b"x")) == b"x"
