"""What a sandbox owns, it frees: processes, descriptors and cgroups, also when somebody dies in between."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from process_tree import all_gone, appeared, cgroups, descendants, open_descriptors
from sandbox_backends import BACKENDS, ROOMY, opened, program

from qlayer.sandbox.base import Limits, Sandbox
from qlayer.types.verdict import Attribution, Outcome

WAIT = "import os, time\nfor _ in range(3):\n    os.fork()\ntime.sleep(600)\n"
"""Eight processes that wait."""
HANG = program(WAIT)
FINE = program("print('fine')\n", expected_stdout=b"fine\n")


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def sandbox(backend: str) -> AsyncIterator[Sandbox]:
    async with opened(backend) as started:
        yield started


async def test_cancelling_kills_the_whole_tree(sandbox: Sandbox) -> None:
    idle = descendants()
    task = asyncio.create_task(sandbox.run(HANG, Limits(wall_s=600)))
    running = await appeared(idle, count=8)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await all_gone(running)
    assert (await sandbox.run(FINE, ROOMY)).verdict.outcome is Outcome.ACCEPTED


async def test_a_worker_killed_in_mid_run_is_the_platforms_fault(sandbox: Sandbox) -> None:
    idle = descendants()
    task = asyncio.create_task(sandbox.run(HANG, Limits(wall_s=600)))
    await appeared(idle, count=8)
    for process in idle:
        os.kill(process.pid, signal.SIGKILL)
    result = await task
    assert result.verdict.outcome is Outcome.SANDBOX_ERROR, result
    assert result.verdict.attribution is Attribution.PLATFORM
    assert result.verdict.retryable
    assert (await sandbox.run(FINE, ROOMY)).verdict.outcome is Outcome.ACCEPTED


async def test_workers_killed_while_idle_are_replaced(sandbox: Sandbox) -> None:
    assert (await sandbox.run(FINE, ROOMY)).verdict.outcome is Outcome.ACCEPTED
    for process in descendants():
        os.kill(process.pid, signal.SIGKILL)
    outcomes = [(await sandbox.run(FINE, ROOMY)).verdict.outcome for _ in range(4)]
    assert set(outcomes) <= {Outcome.ACCEPTED, Outcome.SANDBOX_ERROR}
    assert outcomes[-1] is Outcome.ACCEPTED


async def test_killed_workers_leave_no_cgroup(backend: str) -> None:
    async with opened(backend) as sandbox:
        task = asyncio.create_task(sandbox.run(HANG, Limits(wall_s=600)))
        await appeared(descendants(), count=8)
        owned = descendants()
        folders = cgroups(owned)
        for process in owned:
            with contextlib.suppress(ProcessLookupError):  # a keeper takes its zygote along
                os.kill(process.pid, signal.SIGKILL)
        assert (await task).verdict.outcome is Outcome.SANDBOX_ERROR
    assert await all_gone(owned)
    assert [folder for folder in folders if folder.exists()] == []


async def test_closing_leaves_nothing(backend: str) -> None:
    before = open_descriptors()
    async with opened(backend) as sandbox:
        results = await asyncio.gather(*(sandbox.run(FINE, ROOMY) for _ in range(6)))
        owned = descendants()
        folders = cgroups(owned)
        assert owned
        assert {result.verdict.outcome for result in results} == {Outcome.ACCEPTED}
    assert await all_gone(owned)
    assert [folder for folder in folders if folder.exists()] == []
    assert open_descriptors() == before


async def test_closing_in_mid_run_leaves_nothing(backend: str) -> None:
    before = open_descriptors()
    async with opened(backend) as sandbox:
        idle = descendants()
        task = asyncio.create_task(sandbox.run(HANG, Limits(wall_s=600)))
        await appeared(idle, count=8)
        owned = descendants()
        folders = cgroups(owned)
    [end] = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(end, BaseException) or not end.verdict.accepted
    assert await all_gone(owned)
    assert [folder for folder in folders if folder.exists()] == []
    assert open_descriptors() == before


async def test_runs_that_wait_for_a_worker_start_none_after_closing(backend: str) -> None:
    before = descendants()
    async with opened(backend) as sandbox:
        tasks = [asyncio.create_task(sandbox.run(HANG, Limits(wall_s=600))) for _ in range(6)]
        await appeared(descendants(), count=8)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, BaseException) or not end.verdict.accepted for end in ends)
    assert await all_gone(descendants() - before)


async def test_many_runs_do_not_pile_up(sandbox: Sandbox) -> None:
    await asyncio.gather(*(sandbox.run(FINE, ROOMY) for _ in range(4)))
    descriptors, processes = open_descriptors(), len(descendants())
    for _ in range(10):
        await asyncio.gather(*(sandbox.run(FINE, ROOMY) for _ in range(4)))
    assert open_descriptors() <= descriptors
    assert len(descendants()) <= processes


HOST = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from sandbox_backends import BACKENDS, program

async def main():
    async with BACKENDS[sys.argv[2]]() as sandbox:
        print("started", flush=True)
        await sandbox.run(program(sys.argv[3]))

asyncio.run(main())
"""


async def test_kill_9_of_the_host_leaves_no_orphan(backend: str, sandbox: Sandbox) -> None:
    """`sandbox` is there only so that a host that cannot isolate is skipped with its reason."""
    folder = str(Path(__file__).parent)
    known = descendants()
    host = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOST, folder, backend, WAIT, stdout=asyncio.subprocess.PIPE
    )
    assert host.stdout is not None
    assert await host.stdout.readline() == b"started\n"
    await appeared(known, count=10)
    owned = descendants(host.pid)
    assert len(owned) >= 8
    host.kill()
    await host.communicate()
    assert await all_gone(owned)
