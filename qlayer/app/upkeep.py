"""From settings to what looks after the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from qlayer.app.settings import Settings
from qlayer.packaging.upkeep import Upkeep
from qlayer.store.blobs import open_blobs
from qlayer.store.clock import utc_now
from qlayer.store.records import open_records
from qlayer.store.references import references
from qlayer.store.releases import SqlReleases


@asynccontextmanager
async def open_upkeep(settings: Settings) -> AsyncIterator[Upkeep]:
    """Blobs and records, open for looking after. Raises `StoreError`, `ConfigurationError`."""
    records = await open_records(settings.store.records_url)
    try:
        blobs, releases = open_blobs(settings.store), SqlReleases(records.database)
        yield Upkeep(blobs, releases, lambda: references(records.database), utc_now)
    finally:
        await records.aclose()
