"""A file that is being fetched: ``NAME.part`` and a small journal beside it, until both become ``NAME``.

The journal says how many bytes are safely on disk and how many whole parts they are, so that a fetch that was
killed goes on there. Nothing ever stands under the final name but a complete, verified file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from qlayer.errors import WeightsError
from qlayer.types.frozen import Frozen

BLOCK_BYTES = 1024 * 1024


class Mark(Frozen):
    """What is safely on disk, and where it came from."""

    origin: str = ""
    """Names the source and its version; bytes of another origin are not continued."""
    size_bytes: int = 0
    parts: int = 0
    """Whole parts, for sources that come in parts."""


class Partial:
    """The unfinished file of one final path. Use from one process at a time (the caller holds a lock)."""

    def __init__(self, final: Path) -> None:
        self.final = final
        self.path = final.with_name(final.name + ".part")
        self._journal = final.with_name(final.name + ".part.json")
        self._file: IO[bytes] | None = None
        self._mark = Mark()

    @property
    def paths(self) -> tuple[Path, ...]:
        """Everything that an unfinished fetch leaves on disk."""
        return (self.path, self._journal)

    @property
    def mark(self) -> Mark:
        """Where a fetch may go on: the journal's mark, or an empty one."""
        try:
            mark = Mark.model_validate_json(self._journal.read_bytes())
            return mark if self.path.stat().st_size >= mark.size_bytes else Mark()
        except (FileNotFoundError, ValidationError):
            return Mark()

    def begin(self, mark: Mark) -> None:
        """Open for appending behind this mark; what lies after it was not safe and is cut off."""
        self.close()
        self._file = self.path.open("r+b" if self.path.exists() else "w+b")
        self._file.truncate(mark.size_bytes)
        self._file.seek(mark.size_bytes)
        self._mark = mark

    def write(self, block: bytes) -> None:
        """Append. Raises `WeightsError` when the disk is full; what was committed stays."""
        assert self._file is not None, "begin() comes first"
        with disk_full_is_told(self.final.name):
            self._file.write(block)

    def commit(self, parts: int = 0) -> None:
        """Make all that was written safe, and say so in the journal."""
        assert self._file is not None, "begin() comes first"
        with disk_full_is_told(self.final.name):
            self._file.flush()
            os.fsync(self._file.fileno())
            size = self._file.tell()
            self._mark = self._mark.model_copy(update={"size_bytes": size, "parts": parts})
            replace_atomically(self._journal, self._mark.model_dump_json().encode())

    def close(self) -> None:
        """Stop writing; safe bytes stay for the next time. Bytes after the last commit may be lost."""
        if self._file is not None:
            file, self._file = self._file, None
            with disk_full_is_told(self.final.name):
                file.close()

    def finish(self) -> None:
        """Give the file its final name, durably."""
        self.close()
        self.path.replace(self.final)
        self._journal.unlink(missing_ok=True)
        sync_folder(self.final.parent)

    def discard(self) -> None:
        """Forget everything that was fetched."""
        self.close()
        self._journal.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


@contextmanager
def disk_full_is_told(name: str) -> Iterator[None]:
    """Turn "no space left" of the operating system into a `WeightsError` that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(name) from error
        raise


def disk_full(name: str) -> WeightsError:
    return WeightsError(
        f"the disk filled up while fetching {name}",
        hint="free some space and run the same command again: it goes on where it stopped",
    )


def replace_atomically(path: Path, data: bytes) -> None:
    """Write a small file so that a crash leaves the old one or the new one, whole."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def sync_folder(folder: Path) -> None:
    """Make a rename durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
