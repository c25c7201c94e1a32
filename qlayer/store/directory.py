"""Blobs in a local directory: one file per blob at ``ab/cdef...``, whole or not there at all.

A blob is written to ``.partial/``, synced, then renamed to its place. Each partial file is locked by its
writer, so that what a killed writer left behind can be told from what is being written, and removed. What is
set aside lies in ``.trash/`` and ``.quarantine/``.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkstemp

from qlayer.errors import CorruptBlob, NotFoundError, StoreError, StoreFull
from qlayer.store.faults import FULL_HINT
from qlayer.store.keeping import Area, StoredBlob
from qlayer.store.keys import check_digest
from qlayer.types.ids import Digest, sha256

_SHARD = re.compile(r"[0-9a-f]{2}\Z")
_NAME = re.compile(r"[0-9a-f]{62}\Z")
_WHOLE_NAME = re.compile(r"[0-9a-f]{64}\Z")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class DirectoryBlobs:
    """`KeptBlobs` below one directory, which is made when it is first written to. Safe for many processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._partial = root / ".partial"
        self._swept = False

    async def put(self, data: bytes) -> Digest:
        digest = sha256(data)
        await asyncio.to_thread(self._put, digest, data)
        return digest

    async def get(self, digest: Digest) -> bytes:
        data = await asyncio.to_thread(self._read_or_restore, digest)
        if data is None:
            raise NotFoundError(f"no blob {digest} in {self.root}", kind="blob")
        if sha256(data) != digest:
            raise CorruptBlob(
                f"blob {digest} in {self.root} is damaged: its {len(data)} bytes have another digest"
            )
        return data

    async def has(self, digest: Digest) -> bool:
        return await asyncio.to_thread(self._has, digest)

    async def delete(self, digest: Digest) -> None:
        path = self._path(digest)
        with self._explained():
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def list(self) -> AsyncIterator[Digest]:
        for shard in await asyncio.to_thread(self._names, self.root, _SHARD):
            for name in await asyncio.to_thread(self._names, self.root / shard, _NAME):
                yield Digest(f"sha256:{shard}{name}")

    async def stored(self, area: Area = Area.BLOBS) -> AsyncIterator[StoredBlob]:
        names = self.list() if area is Area.BLOBS else self._list_aside(area)
        async for digest in names:
            found = await asyncio.to_thread(self._stored, digest, self._path(digest, area))
            if found is not None:
                yield found

    async def move(
        self, digest: Digest, source: Area, target: Area, *, written_before: datetime | None = None
    ) -> bool:
        if target is Area.BLOBS:
            return await asyncio.to_thread(self._bring_back, digest, self._path(digest, source))
        paths = self._path(digest, source), self._path(digest, target)
        return await asyncio.to_thread(self._set_aside, *paths, written_before)

    async def purge(self, digest: Digest, area: Area) -> None:
        path = self._path(digest, area)
        with self._explained():
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def clear_partial(self, before: datetime) -> int:
        """A writer that lives holds a lock, so `before` does not matter here."""
        with self._explained():
            return await asyncio.to_thread(self._sweep)

    async def _list_aside(self, area: Area) -> AsyncIterator[Digest]:
        for name in await asyncio.to_thread(self._names, self.root / f".{area}", _WHOLE_NAME):
            yield Digest(f"sha256:{name}")

    def _path(self, digest: Digest, area: Area = Area.BLOBS) -> Path:
        digits = check_digest(digest).removeprefix("sha256:")
        if area is Area.BLOBS:
            return self.root / digits[:2] / digits[2:]
        return self.root / f".{area}" / digits

    def _put(self, digest: Digest, data: bytes) -> None:
        path = self._path(digest)
        with self._explained():
            self._prepare(path.parent)
            if self._read(path) != data or not _made_young(path):  # a damaged blob is written afresh
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

    def _sweep(self) -> int:
        """Remove partial files whose writer is dead: nobody holds their lock. How many there were."""
        swept = 0
        for partial in self._partial.iterdir() if self._partial.is_dir() else ():
            with suppress(FileNotFoundError, BlockingIOError), partial.open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                partial.unlink()
                swept += 1
        return swept

    def _set_aside(self, source: Path, target: Path, written_before: datetime | None) -> bool:
        """It is made young before, not after: killed in between, it stays where it was for another while."""
        with self._explained():
            try:
                if written_before is not None and _written_at(source.stat()) >= written_before:
                    return False
                os.utime(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                source.replace(target)
            except FileNotFoundError:
                return False
            _sync_directory(target.parent)
            return True

    def _bring_back(self, digest: Digest, source: Path) -> bool:
        """By a link, which is never put over a blob that is there."""
        target = self._path(digest)
        with self._explained():
            try:
                self._prepare(target.parent)
                os.utime(source)
                with suppress(FileExistsError):
                    os.link(source, target)
                source.unlink()
            except FileNotFoundError:
                return False
            _sync_directory(target.parent)
            return True

    def _stored(self, digest: Digest, path: Path) -> StoredBlob | None:
        """None when it was removed since it was listed."""
        with self._explained():
            try:
                found = path.stat()
            except FileNotFoundError:
                return None
            return StoredBlob(digest=digest, size_bytes=found.st_size, written_at=_written_at(found))

    def _restore(self, digest: Digest) -> bool:
        trashed = self._path(digest, Area.TRASH)
        return trashed.is_file() and self._bring_back(digest, trashed)

    def _has(self, digest: Digest) -> bool:
        return self._path(digest).is_file() or self._restore(digest)

    def _read_or_restore(self, digest: Digest) -> bytes | None:
        data = self._read(self._path(digest))
        return self._read(self._path(digest)) if data is None and self._restore(digest) else data

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


def _written_at(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)


def _made_young(path: Path) -> bool:
    """False when a collector set it aside in the same moment."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _sync_directory(path: Path) -> None:
    """Make the names in a directory durable: a rename alone may be undone by a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
