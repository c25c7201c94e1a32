"""Where blobs and records live."""

from __future__ import annotations

from qlayer.types.frozen import Frozen


class StoreConfig(Frozen):
    """`blobs_url`: a directory or an fsspec URL (``s3://bucket/prefix``). `records_url`: a SQLAlchemy async URL
    (``sqlite+aiosqlite:///path`` or ``postgresql+asyncpg://...``)."""

    blobs_url: str
    records_url: str
    blobs_options: dict[str, str] = {}
    """Options for the fsspec filesystem, for example ``endpoint_url``. Secrets come from the environment."""
