"""Where blobs and records live."""

from __future__ import annotations

from pydantic import Field

from qlayer.types.frozen import Frozen


class StoreConfig(Frozen):
    """Two places: one for blobs, one for records."""

    blobs_url: str
    """A directory, or ``s3://bucket/prefix``."""
    records_url: str
    """A SQLAlchemy async URL: ``sqlite+aiosqlite:///path`` or ``postgresql+asyncpg://...``."""
    blobs_options: dict[str, str] = Field(default={})
    """Options for the fsspec filesystem, for example ``endpoint_url``. Secrets come from the environment."""
