"""Where packages come from, where they are kept, and how much one set may take."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from qlayer.types.frozen import Frozen

MiB = 1024 * 1024


class BuildLimits(Frozen):
    """Bounds of one build; the first that is broken ends it."""

    packages: int = Field(default=200, ge=1)
    download_bytes: int = Field(default=1024 * MiB, ge=1)
    """All wheels together."""
    installed_bytes: int = Field(default=2048 * MiB, ge=1)
    installed_files: int = Field(default=50_000, ge=1)
    wall_s: float = Field(default=600.0, gt=0)
    memory_bytes: int = Field(default=512 * MiB, ge=64 * MiB)
    processes: int = Field(default=8, ge=2)


class IndexConfig(Frozen):
    """Where wheels come from. Only wheels are taken: building a source distribution runs its code."""

    index_url: str | None = Field(default=None, repr=False)
    """A simple index (PEP 503 or 691), with credentials in it where it wants them. None: nothing is built."""
    file_origins: tuple[str, ...] = ()
    """``https://host[:port]`` of the files, where that is not the index's own."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    proxy_url: str | None = Field(default=None, repr=False)
    """The way to the index where there is no direct one. Which addresses may be asked for stays the same."""
    connect_timeout_s: float = Field(default=20.0, gt=0)
    """For each answer of the index to begin or go on."""
    limits: BuildLimits = BuildLimits()


class EnvironmentsConfig(IndexConfig):
    """The real builder and its cache."""

    folder: Path
