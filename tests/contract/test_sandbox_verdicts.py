"""Verdicts that need a real run: limits that all processes share, idleness, cancelling, a disturbed host."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from process_tree import appeared, descendants
from sandbox_backends import ROOMY, judge, opened, program, values

from qlayer.sandbox.base import Limits
from qlayer.sandbox.retrying import RetryingSandbox
from qlayer.sandbox.warm import WarmSandbox
from qlayer.sandbox.warm.disturbance import run_below
from qlayer.types.verdict import Attribution, Outcome, Phase

SLEEPER = "print('partial', flush=True)\nimport time\ntime.sleep(600)\n"
POLLER = "import time\nwhile True:\n    time.sleep(0.02)\n"
TALKER = "import time\nfor _ in range(30):\n    print('.', flush=True)\n    time.sleep(0.1)\n"
SPINNERS = """
import os
for _ in range(3):
    if os.fork() == 0:
        break
while True:
    pass
"""
UNREAPED = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
end = time.monotonic() + 20
while time.monotonic() < end:
    if os.fork() == 0:
        until = time.process_time() + 0.2
        while time.process_time() < until:
            pass
        os._exit(0)
    time.sleep(0.1)
"""

BEYOND_PROCESSES = """
import os, threading, time
print('partial', flush=True)
try:
    for _ in range(99):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
except RuntimeError:
    time.sleep(600)
"""
BEYOND_MEMORY = """
import os, time
print('partial', flush=True)
if os.fork() == 0:
    kept = bytearray(b'x' * (1 << 30))
time.sleep(600)
"""


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[WarmSandbox]:
    async with opened("warm") as started:
        assert isinstance(started, WarmSandbox)
        yield started


async def test_a_sleeper_hits_the_idle_limit_and_keeps_its_output(sandbox: WarmSandbox) -> None:
    result = await judge(sandbox, program(SLEEPER), idle_s=1)
    assert result.verdict.outcome is Outcome.IDLE_LIMIT, result
    assert result.verdict.evidence.limit == "idle_s=1"
    assert result.stdout == b"partial\n"
    assert result.usage.wall_s < ROOMY.wall_s
    assert not result.verdict.retryable


async def test_a_loop_that_only_sleeps_is_idle_and_one_that_talks_is_not(sandbox: WarmSandbox) -> None:
    assert (await judge(sandbox, program(POLLER), idle_s=0.7)).verdict.outcome is Outcome.IDLE_LIMIT
    assert (await judge(sandbox, program(TALKER), idle_s=1.5)).verdict.outcome is Outcome.ACCEPTED


async def test_a_sleeper_without_an_idle_limit_hits_the_wall(sandbox: WarmSandbox) -> None:
    verdict = (await judge(sandbox, program(SLEEPER), wall_s=1)).verdict
    assert (verdict.outcome, verdict.attribution) == (Outcome.WALL_LIMIT, Attribution.PROGRAM)


@pytest.mark.parametrize("code", [SPINNERS, UNREAPED], ids=["together", "unreaped"])
async def test_processes_share_one_cpu_limit(sandbox: WarmSandbox, code: str) -> None:
    counted = {each.name for each in sandbox.info.capabilities if each.available}
    if "cpuacct_cgroup" not in counted:
        pytest.skip("no cgroup counts CPU time here")
    result = await judge(sandbox, program(code), cpu_s=1, wall_s=50)
    assert result.verdict.outcome is Outcome.CPU_LIMIT, result
    assert 1 <= result.usage.cpu_s < 5
    assert result.verdict.evidence.limit == "cpu_s=1"


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(BEYOND_PROCESSES, Outcome.PROCESS_LIMIT), (BEYOND_MEMORY, Outcome.MEMORY_LIMIT)],
)
async def test_a_limit_that_leaves_the_program_alive_ends_the_run_at_once(
    sandbox: WarmSandbox, code: str, outcome: Outcome
) -> None:
    if not {"memory_cgroup", "pids_cgroup"} <= {
        each.name for each in sandbox.info.capabilities if each.available
    }:
        pytest.skip("without cgroups no counter tells")
    result = await judge(sandbox, program(code), wall_s=60, processes=32)
    assert result.verdict.outcome is outcome, result
    assert result.stdout == b"partial\n"
    assert result.usage.wall_s < 30
    assert not result.verdict.evidence.also


async def test_the_caller_can_cancel_and_gets_what_was_seen(sandbox: WarmSandbox) -> None:
    cancel = asyncio.Event()
    idle = descendants()
    running = asyncio.create_task(sandbox.run(program(SLEEPER), ROOMY, cancel=cancel))
    await appeared(idle, count=1)
    await asyncio.sleep(0.3)
    cancel.set()
    result = await running
    assert (result.verdict.outcome, result.verdict.attribution) == (Outcome.CANCELLED, Attribution.CALLER)
    assert not result.verdict.retryable
    assert result.stdout in (b"", b"partial\n")
    again = await sandbox.run(program("print(1)"), ROOMY, cancel=cancel)
    assert (again.verdict.outcome, again.verdict.phase) == (Outcome.CANCELLED, Phase.ADMIT)
    assert (await judge(sandbox, values("x = 1"))).verdict.accepted


async def test_a_zygote_stopped_from_outside_gives_no_verdict_and_another_slot_does(
    sandbox: WarmSandbox,
) -> None:
    retrying = RetryingSandbox(sandbox)
    [keeper] = [each.pid for each in descendants() if run_below(each.pid)[0] is not None][:1]
    zygote, _ = run_below(keeper)
    assert zygote is not None
    os.kill(zygote.pid, signal.SIGSTOP)
    result = await retrying.run(program("print(1)"), Limits(wall_s=2))
    assert result.verdict.accepted, result
    [spoilt] = result.verdict.evidence.tries
    assert spoilt.startswith("NO_VERDICT") and "stopped" in spoilt


async def test_a_stopped_zygote_is_no_wall_limit_of_the_program(sandbox: WarmSandbox) -> None:
    [keeper] = [each.pid for each in descendants() if run_below(each.pid)[0] is not None][:1]
    zygote, _ = run_below(keeper)
    assert zygote is not None
    os.kill(zygote.pid, signal.SIGSTOP)
    verdict = (await sandbox.run(program("print(1)"), Limits(wall_s=1))).verdict
    assert (verdict.outcome, verdict.attribution) == (Outcome.NO_VERDICT, Attribution.PLATFORM)
    assert verdict.retryable and "zygote=stopped" in (verdict.evidence.counter or "")
