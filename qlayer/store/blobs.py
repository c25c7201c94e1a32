"""Opening the blobs that the settings name."""

from __future__ import annotations

from pathlib import Path

from qlayer.errors import ConfigurationError
from qlayer.store.bucket import BucketBlobs
from qlayer.store.config import StoreConfig
from qlayer.store.directory import DirectoryBlobs
from qlayer.store.keeping import KeptBlobs


def open_blobs(config: StoreConfig) -> KeptBlobs:
    """Blobs in a directory (a path or ``file://``) or in a bucket (``s3://bucket/prefix``). Does no I/O yet.

    Raises `ConfigurationError` for another kind of URL, an unknown option, or a missing extra.
    """
    scheme, separator, rest = config.blobs_url.partition("://")
    if not separator or scheme == "file":
        if config.blobs_options:
            raise ConfigurationError(
                f"blobs_options has no {min(config.blobs_options)!r} for this blobs URL", hint="known: none"
            )
        return DirectoryBlobs(Path(rest if separator else config.blobs_url).expanduser())
    if scheme == "s3" and rest.strip("/"):
        return BucketBlobs(rest.strip("/"), config.blobs_options)
    raise ConfigurationError(
        f"blobs cannot be kept at {scheme}://", hint="use a directory or s3://bucket/prefix"
    )
