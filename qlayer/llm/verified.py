"""Proof that a file's bytes are right, kept beside it, so that a start-up need not hash gigabytes.

The record (``NAME.verified.json``) holds the digest with the size and time of the file that was hashed. A
file that was replaced or changed since no longer fits its record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from qlayer.llm.partial import BLOCK_BYTES, disk_full_is_told, replace_atomically
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest


class _Record(Frozen):
    digest: Digest
    size_bytes: int
    modified_ns: int


def record_path(path: Path) -> Path:
    return path.with_name(path.name + ".verified.json")


def verified_digest(path: Path) -> Digest | None:
    """The digest that was recorded for this file; None when it is gone, changed or was never verified."""
    try:
        record = _Record.model_validate_json(record_path(path).read_bytes())
        stat = path.stat()
    except (FileNotFoundError, ValidationError):
        return None
    unchanged = (stat.st_size, stat.st_mtime_ns) == (record.size_bytes, record.modified_ns)
    return record.digest if unchanged else None


def record_verified(path: Path, digest: Digest) -> None:
    """Say that this file, as it is now, has this digest."""
    stat = path.stat()
    record = _Record(digest=digest, size_bytes=stat.st_size, modified_ns=stat.st_mtime_ns)
    with disk_full_is_told(path.name):
        replace_atomically(record_path(path), record.model_dump_json().encode())


def digest_file(path: Path, on_bytes: Callable[[int], None] | None = None) -> Digest:
    """SHA-256 of a file, read in blocks; `on_bytes` sees how many were read so far."""
    hasher, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            hasher.update(block)
            done += len(block)
            if on_bytes is not None:
                on_bytes(done)
    return Digest(f"sha256:{hasher.hexdigest()}")
