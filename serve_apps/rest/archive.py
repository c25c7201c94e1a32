"""Files as one file to download: same files, same bytes."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date that the zip format can hold."""


def tar_of(files: Mapping[str, bytes], folder: str = "") -> bytes:
    """A gzip-free tar with every file below `folder`, in order of path, owned by nobody, dated 1970."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, data in sorted(files.items()):
            entry = tarfile.TarInfo(str(PurePosixPath(folder) / path))
            entry.size = len(data)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def zip_of(files: Mapping[str, bytes], folder: str = "") -> bytes:
    """A zip with every file below `folder`, in order of path, dated 1980."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(str(PurePosixPath(folder) / path), _ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()
