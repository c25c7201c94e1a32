"""What the soak counts as left over: all of its own, however hidden, and nothing of others on the host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qlayer.sandbox.zygote import syscalls

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")

COUNTING = """
import json, os, signal, sys, tempfile
import soak
from qlayer.sandbox.zygote import syscalls

tempfile.tempdir = sys.argv[1]
if sys.argv[2] == "alone":
    soak.stand_alone()
before = soak.Left()

def tell():
    print(json.dumps(soak.Left().more_than(before)), flush=True)

tell()
input()  # meanwhile somebody else mounts
tell()
os.mkdir(f"{tempfile.tempdir}/own")
syscalls.mount("own", f"{tempfile.tempdir}/own", "tmpfs", 0)
tell()
syscalls.umount(f"{tempfile.tempdir}/own")
os.rmdir(f"{tempfile.tempdir}/own")
out, told = os.pipe()
if os.fork() == 0:
    if (orphan := os.fork()) == 0:
        os.setsid()
        signal.pause()
    os.write(told, str(orphan).encode())
    os._exit(0)
os.wait()
orphan = int(os.read(out, 16))
os.close(out)
os.close(told)
tell()
os.kill(orphan, signal.SIGKILL)
"""
MOUNTS = 8
"""So that one would be seen even if others of the host were undone meanwhile."""


@pytest.mark.parametrize("way", ["alone", "not alone"])
def test_only_what_is_its_own_is_counted(tmp_path: Path, way: str) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", COUNTING, str(own), way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    ) as counting:
        assert counting.stdin is not None and counting.stdout is not None
        assert json.loads(counting.stdout.readline()) == {}
        for _ in range(MOUNTS):
            syscalls.mount("other", str(other), "tmpfs", 0)
        try:
            counting.stdin.write("\n")
            counting.stdin.flush()
            counts = [json.loads(line) for line in counting.stdout]
        finally:
            for _ in range(MOUNTS):
                syscalls.umount(str(other))
    if way == "alone":
        orphan = {"children": 1, "processes": 1}
        assert counts == [{}, {"mounts": 1, "files": 1}, orphan]
    else:
        assert counts[0]["mounts"] > 0, "the mounts are there to be counted"
        assert "processes" not in counts[2], "an orphan is the host's, and escapes the count"
