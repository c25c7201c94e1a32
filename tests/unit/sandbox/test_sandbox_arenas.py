"""Python's memory goes where the compiled helper puts it, and everything works without one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from qlayer.sandbox import helper

_ALLOCATE = """
import sys
from qlayer.sandbox.zygote import arenas
arenas.place(sys.argv[1])
kept = [object() for _ in range(200_000)]
arenas.gather()
kept += [object() for _ in range(int(sys.argv[2]))]
del kept[::2]
at = id(kept[99_000])
for line in open("/proc/self/maps"):
    first, last = (int(text, 16) for text in line.split()[0].split("-"))
    if first <= at < last:
        print(first % (2 << 20))
"""


@pytest.fixture(scope="module")
def path() -> str:
    found = helper.find()
    if not found.path:
        pytest.skip(f"no compiled helper: {found.detail}")
    return found.path


def _start_of_region(path: str, more: int = 0) -> int:
    """Where the memory of early objects begins, from the last multiple of 2 MiB on."""
    command = [sys.executable, "-c", _ALLOCATE, path, str(more)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)


def test_memory_lies_where_huge_pages_can(path: str) -> None:
    assert _start_of_region(path) == 0


def test_more_than_there_is_room_for_lies_elsewhere(path: str) -> None:
    assert _start_of_region(path, more=4_000_000) == 0


def test_without_a_helper_nothing_changes() -> None:
    assert _start_of_region("/nowhere/serve.so") >= 0
