"""What the container backends own, they free; and what only they can get wrong."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from docker_daemon import docker_host
from process_tree import open_descriptors
from sandbox_backends import CONTAINERS, ROOMY, judge, opened, program

from qlayer.sandbox.base import Limits, MiB, Sandbox
from qlayer.sandbox.container.gvisor import BACKEND as GVISOR
from qlayer.types.verdict import Attribution, Outcome

HANG = "import os, time\nprint('started', flush=True)\nfor _ in range(3):\n    os.fork()\ntime.sleep(600)\n"
FINE = program("print('fine')\n", expected_stdout=b"fine\n")
MARKER = "qlayer.sandbox.zygote.contained"
"""In the command line of every container's process 1."""


def agents() -> set[int]:
    """Processes on this machine that are process 1 of a container of ours, or its runtime."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                command = Path("/proc", name, "cmdline").read_bytes()
            except OSError:
                continue
            if MARKER.encode() in command or b"--bundle=" in command:
                found.add(int(name))
    return found


async def gone(pids: set[int]) -> bool:
    for _ in range(600):
        if not pids & agents():
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.fixture(params=sorted(CONTAINERS))
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def sandbox(backend: str) -> AsyncIterator[Sandbox]:
    async with opened(backend) as started:
        yield started


async def test_leaving_ends_every_container_and_keeps_no_descriptor(backend: str) -> None:
    async with opened(backend):
        """Whatever is made once (a daemon, an image) is made now."""
    before, descriptors = agents(), open_descriptors()
    async with opened(backend) as sandbox:
        results = await asyncio.gather(*(sandbox.run(FINE, ROOMY) for _ in range(4)))
        own = agents() - before
        assert own
        assert {result.verdict.outcome for result in results} == {Outcome.ACCEPTED}
    assert await gone(own)
    assert open_descriptors() == descriptors


async def test_cancelling_ends_the_container_and_the_next_run_gets_another(sandbox: Sandbox) -> None:
    task = asyncio.create_task(sandbox.run(program(HANG), Limits(wall_s=600)))
    await asyncio.sleep(1.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await sandbox.run(FINE, ROOMY)).verdict.outcome is Outcome.ACCEPTED


async def test_a_container_killed_in_mid_run_is_the_platforms_fault(sandbox: Sandbox) -> None:
    idle = agents()
    task = asyncio.create_task(sandbox.run(program(HANG), Limits(wall_s=600)))
    await asyncio.sleep(1.0)
    assert not task.done()
    for pid in idle & agents():
        os.kill(pid, signal.SIGKILL)
    result = await task
    assert result.verdict.outcome is Outcome.SANDBOX_ERROR, result
    assert result.verdict.attribution is Attribution.PLATFORM
    assert result.verdict.retryable
    assert (await sandbox.run(FINE, ROOMY)).verdict.outcome is Outcome.ACCEPTED


async def test_a_run_leaves_nothing_for_the_next(sandbox: Sandbox) -> None:
    deep = """
        import os
        os.umask(0o777)
        os.makedirs("/tmp/closed", mode=0)
        os.umask(0)
        os.chdir("/tmp")
        for _ in range(3000):
            os.mkdir("d")
            os.chdir("d")
        open("/tmp/here", "w").write("x")
        os.symlink("/etc", "/tmp/link")
        print("left")
        """
    look = "import os\nprint(sorted(set(os.listdir('/tmp')) - {'work'}), os.path.exists('/dev/shm/x'))\n"
    left = await judge(sandbox, program(deep), disk_bytes=64 * MiB)
    assert left.verdict.outcome is Outcome.ACCEPTED, left
    seen = await judge(sandbox, program(look, expected_stdout=b"[] False\n"), disk_bytes=64 * MiB)
    assert seen.verdict.outcome is Outcome.ACCEPTED, seen


async def test_a_full_disk_is_exact_and_another_size_is_another_container(sandbox: Sandbox) -> None:
    code = "open('/tmp/big', 'wb').write(b'x' * (6 << 20))\n"
    full = await judge(sandbox, program(code), disk_bytes=2 * MiB)
    assert full.verdict.outcome is Outcome.DISK_LIMIT, full
    roomy = await judge(sandbox, program(code), disk_bytes=16 * MiB)
    assert roomy.verdict.outcome is Outcome.ACCEPTED, roomy


async def test_the_evidence_says_who_counted(sandbox: Sandbox, backend: str) -> None:
    forks = "import os, time\nfor _ in range(60):\n    if os.fork() == 0:\n        time.sleep(600)\n"
    verdict = (await judge(sandbox, program(forks), processes=10)).verdict
    assert verdict.outcome is Outcome.PROCESS_LIMIT, verdict
    if backend == GVISOR:
        assert verdict.evidence.counter and verdict.evidence.counter.startswith("tasks sampled")
        assert verdict.evidence.kernel and verdict.evidence.kernel.startswith("gVisor ")
    else:
        assert verdict.evidence.counter and "pids.events" in verdict.evidence.counter
        assert verdict.evidence.image_digest and verdict.evidence.image_digest.startswith("sha256:")


HOST = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from sandbox_backends import program
from qlayer.sandbox.config import DockerConfig, GvisorConfig
from qlayer.sandbox.container import DockerSandbox, GvisorSandbox

async def main():
    made = {"docker": lambda: DockerSandbox(DockerConfig(workers=1, host=sys.argv[4])),
            "gvisor": lambda: GvisorSandbox(GvisorConfig(workers=1))}
    async with made[sys.argv[2]]() as sandbox:
        print("started", flush=True)
        await sandbox.run(program(sys.argv[3]))

asyncio.run(main())
"""


async def test_kill_9_of_the_host_leaves_no_container(backend: str, sandbox: Sandbox) -> None:
    """The container's process 1 sees its socket close; nobody has to come and clean up."""

    address = docker_host() if backend == "docker" else ""
    before = agents()
    host = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOST,
        str(Path(__file__).parent),
        backend,
        HANG,
        address,
        stdout=asyncio.subprocess.PIPE,
    )
    assert host.stdout is not None
    assert await host.stdout.readline() == b"started\n"
    await asyncio.sleep(1.0)
    own = agents() - before - {host.pid}
    assert own
    host.kill()
    await host.communicate()
    assert await gone(own)
