"""What a directory of blobs does beyond the contract: killed writers, foreign files, odd places."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qlayer.errors import StoreError
from qlayer.store.directory import DirectoryBlobs
from qlayer.types.ids import Digest, sha256

KILLED_BEFORE_RENAME = """
import asyncio, os, pathlib, signal, sys
from qlayer.store.directory import DirectoryBlobs

pathlib.Path.rename = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(DirectoryBlobs(pathlib.Path(sys.argv[1])).put(b"half" * 100_000))
"""


async def listed(blobs: DirectoryBlobs) -> list[Digest]:
    return [digest async for digest in blobs.list()]


def partial(root: Path) -> list[Path]:
    return list((root / ".partial").iterdir())


async def test_a_writer_killed_before_the_rename_leaves_no_blob(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_BEFORE_RENAME, str(tmp_path)]
    killed = await asyncio.to_thread(subprocess.run, command, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert len(partial(tmp_path)) == 1, "it was killed in the middle of writing"
    blobs = DirectoryBlobs(tmp_path)
    assert await listed(blobs) == []
    assert not await blobs.has(sha256(b"half" * 100_000))
    await blobs.put(b"next")
    assert partial(tmp_path) == [], "the leftover was swept"
    assert await listed(blobs) == [sha256(b"next")]


async def test_what_a_living_writer_is_writing_is_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def sweep_meanwhile(self: Path, target: Path) -> Path:
        DirectoryBlobs(tmp_path)._sweep()
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", sweep_meanwhile)
    blobs = DirectoryBlobs(tmp_path)
    assert await blobs.get(await blobs.put(b"undisturbed")) == b"undisturbed"


async def test_a_file_swept_before_it_was_locked_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    swept = []
    flock = fcntl.flock

    def swept_first(descriptor: int, operation: int) -> None:
        if not swept:
            swept.extend(partial(tmp_path))
            for path in swept:
                path.unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", swept_first)
    blobs = DirectoryBlobs(tmp_path)
    assert await blobs.get(await blobs.put(b"stubborn")) == b"stubborn"
    assert len(swept) == 1


async def test_a_failed_write_leaves_nothing_and_the_next_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = DirectoryBlobs(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _fails)
        with pytest.raises(StoreError, match="Input/output error"):
            await blobs.put(b"data")
    assert partial(tmp_path) == []
    assert await listed(blobs) == []
    assert await blobs.put(b"data") == sha256(b"data")


def _fails(descriptor: int) -> None:
    raise OSError(5, os.strerror(5))


async def test_files_that_are_no_blobs_are_not_listed(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path)
    digest = await blobs.put(b"blob")
    (tmp_path / "README").write_text("hello")
    (tmp_path / "zz").mkdir()
    (tmp_path / digest[7:9] / "notes.txt").write_text("hello")
    assert await listed(blobs) == [digest]


async def test_a_blob_is_readable_by_no_one_else(tmp_path: Path) -> None:
    digest = await DirectoryBlobs(tmp_path).put(b"private")
    assert (tmp_path / digest[7:9] / digest[9:]).stat().st_mode & 0o077 == 0


async def test_a_place_that_is_a_file_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        await DirectoryBlobs(tmp_path / "file").put(b"x")
