"""Blobs in a local directory: one file per blob at ``ab/cdef...``, whole or not there at all.

A blob is written to ``.partial/``, synced, then renamed to its place. Each partial file is locked by its
writer, so that what a killed writer left behind can be told from what is being written, and removed.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

from qlayer.errors import CorruptBlob, NotFoundError, StoreError, StoreFull
from qlayer.store.faults import FULL_HINT
from qlayer.store.keys import check_digest
from qlayer.types.ids import Digest, sha256

_SHARD = re.compile(r"[0-9a-f]{2}\Z")
_NAME = re.compile(r"[0-9a-f]{62}\Z")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class DirectoryBlobs:
    """`Blobs` below one directory, which is made when it is first written to. Safe for many processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._partial = root / ".partial"
        self._swept = False

    async def put(self, data: bytes) -> Digest:
        digest = sha256(data)
        await asyncio.to_thread(self._put, digest, data)
        return digest

    async def get(self, digest: Digest) -> bytes:
        data = await asyncio.to_thread(self._read, self._path(digest))
        if data is None:
            raise NotFoundError(f"no blob {digest} in {self.root}", kind="blob")
        if sha256(data) != digest:
            raise CorruptBlob(
                f"blob {digest} in {self.root} is damaged: its {len(data)} bytes have another digest"
            )
        return data

    async def has(self, digest: Digest) -> bool:
        return await asyncio.to_thread(self._path(digest).is_file)

    async def delete(self, digest: Digest) -> None:
        path = self._path(digest)
        with self._explained():
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def list(self) -> AsyncIterator[Digest]:
        for shard in await asyncio.to_thread(self._names, self.root, _SHARD):
            for name in await asyncio.to_thread(self._names, self.root / shard, _NAME):
                yield Digest(f"sha256:{shard}{name}")

    def _path(self, digest: Digest) -> Path:
        digits = check_digest(digest).removeprefix("sha256:")
        return self.root / digits[:2] / digits[2:]

    def _put(self, digest: Digest, data: bytes) -> None:
        path = self._path(digest)
        with self._explained():
            self._prepare(path.parent)
            if self._read(path) != data:  # a damaged blob is written afresh
                self._write(path, data)
            _sync_directory(path.parent)

    def _prepare(self, shard: Path) -> None:
        self._partial.mkdir(parents=True, exist_ok=True)
        if not self._swept:
            self._sweep()
            self._swept = True
        if not shard.is_dir():
            shard.mkdir(exist_ok=True)
            _sync_directory(self.root)

    def _write(self, path: Path, data: bytes) -> None:
        file, partial = self._open_partial()
        try:
            with os.fdopen(file, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(file)
                partial.rename(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def _open_partial(self) -> tuple[int, Path]:
        """A new locked file. Another process may sweep it away before it is locked; then try the next one."""
        while True:
            file, name = mkstemp(dir=self._partial)
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file).st_nlink:
                return file, Path(name)
            os.close(file)

    def _sweep(self) -> None:
        """Remove partial files whose writer is dead: nobody holds their lock."""
        for partial in self._partial.iterdir():
            with suppress(FileNotFoundError, BlockingIOError), partial.open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                partial.unlink()

    def _read(self, path: Path) -> bytes | None:
        with self._explained():
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def _names(self, folder: Path, pattern: re.Pattern[str]) -> tuple[str, ...]:
        with self._explained():
            try:
                return tuple(sorted(entry.name for entry in folder.iterdir() if pattern.match(entry.name)))
            except FileNotFoundError:
                return ()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _NO_SPACE:
                message = f"no space left for blobs in {self.root}; nothing was half-written"
                raise StoreFull(message, hint=FULL_HINT) from error
            raise StoreError(f"blobs in {self.root} cannot be used: {error.strerror or error}") from error


def _sync_directory(path: Path) -> None:
    """Make the names in a directory durable: a rename alone may be undone by a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
