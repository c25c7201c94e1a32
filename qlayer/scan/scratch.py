"""The folder in which a tree lies while it is scanned, removed also when the process that made it was killed.

A scan holds a lock on its folder; the kernel lets go of it with the process. Whoever scans next removes every
folder of ours that nobody holds.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "qlayer-scan-"
_LOCK = "lock"


@contextmanager
def scratch(parent: Path | None = None) -> Iterator[Path]:
    """A new folder below `parent` (None: the system's place for temporary files), gone afterwards."""
    place = Path(parent or tempfile.gettempdir()).resolve()
    place.mkdir(parents=True, exist_ok=True)
    sweep(place)
    made = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=place))
    lock = os.open(made / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    folder = place / made.name.removeprefix(".")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made.rename(folder)  # only now may another scan's sweep find it
        tree = folder / "tree"
        tree.mkdir()
        yield tree
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep(place: Path) -> int:
    """Remove the folders of killed scans; returns how many.

    One without a lock file may have been made a moment ago and is left alone.
    """
    return sum(_removed(folder) for folder in place.glob(f"{_PREFIX}*"))


def _removed(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
        return True
    except OSError:
        return False
    finally:
        os.close(lock)
