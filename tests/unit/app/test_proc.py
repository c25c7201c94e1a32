"""Naming processes so that a reused id is never mistaken for ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from qlayer.app.proc import alive, boot_id, descendants, marked, read_process, send

SLEEP = [sys.executable, "-c", "import sys, time; sys.stdin.read()"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(SLEEP, stdin=subprocess.PIPE, env={**os.environ, "QL_MARK": "only-this-test"})
    yield process
    process.kill()
    process.communicate()


def test_a_process_is_alive_under_its_own_start_time_only(child: subprocess.Popen[bytes]) -> None:
    seen = read_process(child.pid)
    assert seen is not None
    assert (seen.parent, seen.session) == (os.getpid(), os.getsid(0))
    assert alive(child.pid, seen.started)
    assert not alive(child.pid, seen.started + 1)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not alive(child.pid, seen.started), "a zombie does not count"
    child.wait()
    assert read_process(child.pid) is None


def test_a_signal_never_reaches_a_process_that_took_over_the_number(child: subprocess.Popen[bytes]) -> None:
    seen = read_process(child.pid)
    assert seen is not None
    send([seen._replace(started=seen.started - 1)], signal.SIGKILL)
    assert alive(child.pid, seen.started)
    send([seen], signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    send([seen], signal.SIGKILL)


def test_descendants_and_marks_find_the_child(child: subprocess.Popen[bytes]) -> None:
    assert child.pid in [process.pid for process in descendants(os.getpid())]
    assert [process.pid for process in marked("QL_MARK=only-this-test")] == [child.pid]
    assert marked("QL_MARK=only-this") == [], "a mark is a whole variable, not a part of one"


def test_the_boot_has_one_name() -> None:
    assert boot_id() == boot_id() != ""
