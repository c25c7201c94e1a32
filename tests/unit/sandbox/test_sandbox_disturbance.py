"""When a wall limit is the host's fault: the rule by hand, the measuring on real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qlayer.sandbox.warm.disturbance import Conditions, conditions_of, cpu_below, run_below, why_spoilt

KEEPER = "import subprocess, sys; subprocess.run([sys.executable, '-c', {zygote!r}])"
ZYGOTE = "import subprocess, sys; subprocess.run([sys.executable, '-c', {run!r}])"
SPIN = "while True: pass"
SLEEP = "import time; time.sleep(1000)"


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(),
        Conditions(waited_s=0.1, cpu_s=0.05),
        Conditions(waited_s=0.1, cpu_s=9.9),
        Conditions(waited_s=5.0, cpu_s=19.0),
        Conditions(waited_s=2.9, cpu_s=7.1),
        Conditions(late_s=2.9),
        Conditions(cpu_pressure=1.0),
    ],
    ids=[
        "sleeper",
        "slow sleeper",
        "spinner",
        "competes with itself",
        "a little held up",
        "a pause",
        "busy host",
    ],
)
def test_the_program_was_slow(conditions: Conditions) -> None:
    assert why_spoilt(conditions, 10.0) is None


@pytest.mark.parametrize(
    ("conditions", "word"),
    [
        (Conditions(waited_s=9.0, cpu_s=0.5), "wait 9.0 of 10.0 s"),
        (Conditions(waited_s=3.1, cpu_s=6.0), "wait"),
        (Conditions(zygote_stopped=True), "stopped"),
        (Conditions(late_s=3.0), "not awake"),
    ],
)
def test_the_host_was_slow(conditions: Conditions, word: str) -> None:
    assert word in (why_spoilt(conditions, 10.0) or "")


def test_unknown_conditions_excuse_nothing() -> None:
    assert why_spoilt(None, 10.0) is None


@contextmanager
def below_a_keeper(run: str) -> Iterator[int]:
    """A process with a child with a child, as keeper, zygote and run are."""
    code = KEEPER.format(zygote=ZYGOTE.format(run=run))
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as keeper:
        deadline = time.monotonic() + 60
        while len(run_below(keeper.pid)[1]) < 1:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        try:
            yield keeper.pid
        finally:
            os.killpg(keeper.pid, signal.SIGKILL)


def test_cpu_time_of_a_run_is_measured_below_the_zygote() -> None:
    with below_a_keeper(SPIN) as keeper:
        deadline = time.monotonic() + 60
        while cpu_below(keeper) < 0.3:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert conditions_of(keeper).cpu_s >= 0.3
        assert not conditions_of(keeper).zygote_stopped


def test_a_process_kept_off_the_cpu_is_seen_waiting_and_a_sleeper_is_not() -> None:
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("this kernel keeps no schedstat")
    pinned = "import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})\n{}"
    with below_a_keeper(pinned.format(SPIN)) as one, below_a_keeper(pinned.format(SPIN)) as other:
        deadline = time.monotonic() + 60
        while conditions_of(one).waited_s < 0.2 or conditions_of(other).waited_s < 0.2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with below_a_keeper(pinned.format(SLEEP)) as sleeper:
            before = conditions_of(sleeper).waited_s
            time.sleep(0.5)
            assert conditions_of(sleeper).waited_s - before < 0.1


def test_a_stopped_zygote_is_seen() -> None:
    with below_a_keeper(SLEEP) as keeper:
        zygote, _ = run_below(keeper)
        assert zygote is not None
        os.kill(zygote.pid, signal.SIGSTOP)
        deadline = time.monotonic() + 60
        while not conditions_of(keeper).zygote_stopped:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_nothing_is_known_of_a_keeper_that_is_gone() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert run_below(gone.pid) == (None, [])
    assert conditions_of(gone.pid).cpu_s == 0
