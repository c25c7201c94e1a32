"""After the heap's holes are filled, new objects lie on few pages. Measured in a process for each case."""

from __future__ import annotations

import subprocess
import sys

import pytest

_MEASURE = """
import ctypes, sys
from qlayer.sandbox.zygote import heap

address = ctypes.addressof if sys.argv[1] == "malloc" else id
make = {"malloc": lambda: ctypes.create_string_buffer(600), "16": object, "512": lambda: bytes(512 - 33)}
made = [make[sys.argv[1]]() for _ in range(40_000)]
# A free place here and there, as imports leave them.
del made[::40]
if sys.argv[2] == "fill":
    heap.fill()
new = [make[sys.argv[1]]() for _ in range(100)]
print(len({address(each) >> 12 for each in new}))
"""


def _pages(source: str, order: str) -> int:
    """Of 100 new objects that this allocator serves, where there were holes."""
    command = [sys.executable, "-c", _MEASURE, source, order]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)


@pytest.mark.parametrize("source", ["malloc", "16", "512"])
def test_new_objects_lie_together(source: str) -> None:
    packed = {"malloc": 17, "16": 2, "512": 15}[source]
    assert _pages(source, "fill") <= packed
    assert _pages(source, "leave") >= 5 * packed
