"""Whether the host hears of a kernel counter that moves. Real groups, where this host lets us make them."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qlayer.sandbox import capabilities
from qlayer.sandbox.cgroup import Controller, Group
from qlayer.sandbox.warm.alarm import Alarm

LIMIT_BYTES = 32 << 20
HOG = "import sys; sys.stdin.read(); kept = bytearray(b'x' * (256 << 20))"


@pytest.fixture
def memory() -> Iterator[Group]:
    controller = next((each for each in capabilities.probe().controllers if each.name == "memory"), None)
    if controller is None:
        pytest.skip("this host lets us make no memory cgroup")
    group = Group(controller, f"qlayer-{os.getpid()}-alarm")
    group.create()
    group.limit(LIMIT_BYTES)
    yield group
    group.remove()
    assert not group.path.exists()


def rings(alarm: Alarm, timeout_s: float) -> bool:
    return bool(select.select([alarm.fd], [], [], timeout_s)[0])


def test_it_rings_when_the_kernel_kills_for_memory_and_only_then(memory: Group) -> None:
    alarm = Alarm([memory])
    assert not rings(alarm, 0.05)
    hog = subprocess.Popen([sys.executable, "-c", HOG], stdin=subprocess.PIPE)
    (memory.path / "cgroup.procs").write_text(str(hog.pid))
    assert not rings(alarm, 0.05)
    assert memory.events() == 0
    assert hog.stdin is not None
    hog.stdin.close()
    assert rings(alarm, 30)
    assert hog.wait(30) == -9
    assert memory.events() == 1
    alarm.clear()
    assert not rings(alarm, 0.05)
    alarm.close()


def test_it_leaves_no_descriptor(memory: Group) -> None:
    before = len(os.listdir("/proc/self/fd"))
    alarm = Alarm([memory])
    assert len(os.listdir("/proc/self/fd")) > before
    alarm.close()
    alarm.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_kernel_that_cannot_notify_leaves_silence(tmp_path: Path) -> None:
    groups = [
        Group(Controller(name, version, tmp_path), "gone")
        for name in ("memory", "pids")
        for version in (1, 2)
    ]
    alarm = Alarm([*groups, Group(Controller("cpuacct", 1, tmp_path), "gone")])
    assert not rings(alarm, 0)
    alarm.close()
