"""A disk that is really full: blobs, records and capsules say so, leave nothing half-written and recover."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from capsule_samples import sample_manifest, sample_tree

from qlayer.errors import StoreFull
from qlayer.packaging.capsule import Capsules
from qlayer.store.directory import DirectoryBlobs
from qlayer.store.records import open_records
from qlayer.types.ids import RunId
from qlayer.types.run import RunRequest, Started

RUN = RunId("run-000000000001-aaaaaaaa")
DISK_BYTES = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte."""
    if os.getuid() != 0:
        pytest.skip("mounting a small disk needs root")
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path, *, leave: int = 0) -> Path:
    """Take all space but `leave` bytes. Deleting the file that is returned gives it back."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 4096)
        except OSError:
            pass
    os.truncate(ballast, max(ballast.stat().st_size - leave, 0))
    return ballast


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("leave", [0, 64 * 1024], ids=["nothing left", "too little left"])
async def test_blobs(small_disk: Path, leave: int) -> None:
    blobs = DirectoryBlobs(small_disk / "blobs")
    before = await blobs.put(b"before")
    ballast = fill(small_disk, leave=leave)
    data = os.urandom(128 * 1024)
    with pytest.raises(StoreFull, match="nothing was half-written") as raised:
        await blobs.put(data)
    assert raised.value.retryable
    assert raised.value.hint
    assert [path.read_bytes() for path in files(small_disk / "blobs")] == [b"before"]
    assert await blobs.get(before) == b"before"
    ballast.unlink()
    assert await blobs.get(await blobs.put(data)) == data


async def test_records(small_disk: Path) -> None:
    records = await open_records(f"sqlite+aiosqlite:///{small_disk / 'runs.db'}")
    await records.submit(RUN, RunRequest(text="anything"))
    ballast = fill(small_disk)
    written = 1
    with pytest.raises(StoreFull, match="no space left"):
        for _ in range(1_000):
            await records.append(RUN, Started(owner="x" * 10_000))
            written += 1
    assert len(await records.history(RUN)) == written
    with pytest.raises(StoreFull):
        await records.append(RUN, Started(owner="x" * 10_000))
    ballast.unlink()
    assert (await records.append(RUN, Started(owner="after"))).seq == written + 1
    await records.aclose()
    reopened = await open_records(f"sqlite+aiosqlite:///{small_disk / 'runs.db'}")
    assert [event.seq for event in (await reopened.run(RUN)).events] == list(range(1, written + 2))
    await reopened.aclose()


async def test_opening_new_records(small_disk: Path) -> None:
    ballast = fill(small_disk)
    url = f"sqlite+aiosqlite:///{small_disk / 'runs.db'}"
    with pytest.raises(StoreFull):
        await open_records(url)
    ballast.unlink()
    records = await open_records(url)
    await records.submit(RUN, RunRequest(text="anything"))
    await records.aclose()


async def test_packing_and_exporting_a_capsule(small_disk: Path, tmp_path: Path) -> None:
    records = await open_records(f"sqlite+aiosqlite:///{tmp_path / 'runs.db'}")
    capsules = Capsules(DirectoryBlobs(small_disk / "blobs"), records)
    tree = sample_tree({f"src/part{n}.bin": os.urandom(64 * 1024) for n in range(4)})
    manifest = sample_manifest(tree)
    ballast = fill(small_disk, leave=100 * 1024)
    with pytest.raises(StoreFull):
        await capsules.pack(manifest, tree)
    assert await records.capsules() == ()
    ballast.unlink()
    capsule = await capsules.pack(manifest, tree)
    assert await capsules.load(capsule) == (manifest, tree)

    ballast = fill(small_disk, leave=100 * 1024)
    with pytest.raises(StoreFull, match="nothing was half-written"):
        await capsules.export(capsule, small_disk / "out")
    assert names(small_disk) == ["ballast", "blobs"]
    ballast.unlink()
    assert (await capsules.export(capsule, small_disk / "out")).files == len(tree.files)
    await records.aclose()
