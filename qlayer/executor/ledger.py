"""A file of finished items, keyed by content: a rerun does only what is missing.

One JSON object a line, appended before it counts: what the process said is there when it is killed, and when
the machine fails too but for the last `sync_s` seconds. A line that a crash cut off is dropped on the next
start, so that its item is done again: nothing is lost, nothing is counted twice.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from pydantic import ValidationError

from qlayer.errors import ConflictError, StoreError, StoreFull
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest


class LedgerRow(Frozen):
    """The base of what a ledger holds: an item's result under the digest of the item."""

    key: Digest


Row = TypeVar("Row", bound=LedgerRow)


class Ledger(Generic[Row]):
    """Rows of one type, each with a `key`. Open it with `open_ledger`, which keeps a second writer out."""

    def __init__(self, file: BinaryIO, rows: dict[Digest, Row], sync_s: float) -> None:
        self._file = file
        self._rows = rows
        self._sync_s = sync_s
        self._synced = 0.0

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(self._rows.values())

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def add(self, row: Row) -> None:
        """Written when it returns, and synced unless that was done in the last `sync_s` seconds.

        Raises `ConflictError` for a key that is there already, `StoreFull`, `StoreError`.
        """
        if row.key in self._rows:
            raise ConflictError(f"{row.key} is in the ledger already")
        try:
            self._file.write(row.model_dump_json().encode() + b"\n")
            self._file.flush()
            if time.monotonic() - self._synced >= self._sync_s:
                self.sync()
        except OSError as error:
            kind = StoreFull if error.errno == errno.ENOSPC else StoreError
            raise kind(f"{self._file.name} cannot be written: {error.strerror}") from None
        self._rows[row.key] = row

    def sync(self) -> None:
        """Everything that was added is on the disk when this returns."""
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()


@contextmanager
def open_ledger(path: Path, row_type: type[Row], *, sync_s: float = 0.0) -> Iterator[Ledger[Row]]:
    """Open or create. Raises `ConflictError` while another writes, `StoreError` (a foreign file)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(f"{path} is being written by another process") from None
        ledger = Ledger(file, _read(file, path, row_type), sync_s)
        try:
            yield ledger
        finally:
            ledger.sync()


def _read(file: BinaryIO, path: Path, row_type: type[Row]) -> dict[Digest, Row]:
    file.seek(0)
    content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) != len(content):
        file.truncate(len(whole))
    rows: dict[Digest, Row] = {}
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            row = row_type.model_validate_json(line)
        except ValidationError as error:
            raise StoreError(f"{path} line {number} is not a row of this ledger: {error}") from error
        rows[row.key] = row
    return rows
