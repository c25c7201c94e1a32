"""Emptying a container's /tmp, whatever a run left there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qlayer.sandbox.zygote.contained import empty


def test_everything_goes_however_deep(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    folder = tmp_path / "tmp"
    folder.mkdir()
    (folder / "file").write_text("x")
    (folder / "link").symlink_to(outside)
    os.mkfifo(folder / "fifo")
    (folder / "full").mkdir()
    (folder / "full" / "link").symlink_to(outside)
    at = os.open(folder, os.O_RDONLY)
    # Deeper than any path may be long.
    for _ in range(3_000):
        os.mkdir("deeper", dir_fd=at)
        below = os.open("deeper", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    empty(str(folder))
    assert list(folder.iterdir()) == []
    assert (outside / "kept").read_text() == "kept"


def test_folders_that_their_owner_closed(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, as process 1 of a container is")
    (tmp_path / "closed" / "inner").mkdir(parents=True)
    (tmp_path / "closed").chmod(0)
    empty(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
