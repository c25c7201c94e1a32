"""The supervisor ends everything below it, also what has left its parent, however it is ended itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qlayer.app.proc import Process, marked

DAEMON = """
import os, sys, time, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], "w").close()
        time.sleep(600)
    os._exit(0)
time.sleep(float(sys.argv[2]))
"""
"""Leaves a grandchild in a session of its own, without a parent, deaf to SIGTERM."""


@pytest.fixture
def mark(request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"QL_TEST={os.getpid()}-{request.node.name}"
    yield name
    for process in marked(name):
        os.kill(process.pid, signal.SIGKILL)


def supervised(mark: str, tmp_path: Path, seconds: float) -> subprocess.Popen[bytes]:
    """A supervisor over the daemon, once the daemon is there."""
    name, value = mark.split("=")
    ready = tmp_path / "ready"
    process = subprocess.Popen(
        [sys.executable, "-m", "qlayer.app.supervisor", sys.executable, "-c", DAEMON, ready, str(seconds)],
        env={**os.environ, name: value},
        start_new_session=True,
    )
    wait_for(ready.exists)
    return process


def wait_for(condition: object, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def others(mark: str, supervisor: int) -> list[Process]:
    return [process for process in marked(mark) if process.pid != supervisor]


def test_told_to_stop_it_leaves_nothing(mark: str, tmp_path: Path) -> None:
    supervisor = supervised(mark, tmp_path, seconds=600)
    assert len(others(mark, supervisor.pid)) >= 2
    supervisor.terminate()
    assert supervisor.wait(60) == 0
    assert marked(mark) == []


def test_when_the_command_ends_the_rest_ends_too(mark: str, tmp_path: Path) -> None:
    supervisor = supervised(mark, tmp_path, seconds=0.2)
    assert supervisor.wait(60) == 0
    assert marked(mark) == []


def test_the_status_of_the_command_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "qlayer.app.supervisor", sys.executable, "-c", "raise SystemExit(3)"]
    assert subprocess.run(command, check=False, timeout=60).returncode == 3


def test_killed_it_takes_the_command_along_and_the_orphan_is_found_by_its_mark(
    mark: str, tmp_path: Path
) -> None:
    supervisor = supervised(mark, tmp_path, seconds=600)
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: len(marked(mark)) == 1)
