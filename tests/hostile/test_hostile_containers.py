"""The corpus on the container backends: the same programs, the same verdicts, nothing escapes.

One program of each family runs in every test run, all of them under the marker `slow`. That each attack works
without its guard is shown once, in `test_hostile`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from docker_daemon import docker_host
from hostile_corpus import CORPUS, Program
from hostile_host import SECRET, Host
from test_hostile import CANARY, run_in_a_row, skip_where_it_means_nothing, skip_without_kernel_support

from qlayer.errors import TierUnavailable
from qlayer.sandbox.base import Sandbox
from qlayer.sandbox.config import DockerConfig, GvisorConfig
from qlayer.sandbox.container import DockerSandbox, GvisorSandbox
from qlayer.types.verdict import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXCEPTIONS: dict[tuple[str, str], tuple[Outcome, str]] = {
    ("gvisor", "kernel_int80"): (
        Outcome.ACCEPTED,
        "gVisor refuses the 32-bit entry with an error, not a signal: the attempt fails, the program ends",
    ),
    ("gvisor", "many_files"): (
        Outcome.ACCEPTED,
        "gVisor's tmpfs has no limit on inodes; files count as memory of the sandbox",
    ),
    ("gvisor", "many_directories"): (
        Outcome.ACCEPTED,
        "gVisor's tmpfs has no limit on inodes; folders count as memory of the sandbox",
    ),
    ("gvisor", "thread_bomb"): (
        Outcome.RUNTIME_ERROR,
        "refused by RLIMIT_NPROC as asked, but over before a sample saw it: no kernel counter tells",
    ),
}
"""Where a backend's answer may differ from the corpus, and why."""
SUCCEEDS = {("gvisor", "many_files"), ("gvisor", "many_directories")}
"""What it does is allowed there, and bounded by another limit."""


def family(program: Program) -> str:
    return program.name.partition("_")[0]


def with_marks() -> Iterator[Any]:
    seen: set[str] = set()
    for program in CORPUS:
        marks = [pytest.mark.slow] if family(program) in seen else []
        seen.add(family(program))
        yield pytest.param(program, id=program.name, marks=marks)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["docker", "gvisor"])
async def guarded(host: Host, request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """One worker, started by a process that has secrets in its environment and its descriptors."""
    os.environ["HOSTILE_SECRET"] = SECRET
    descriptor = os.open(host.folder / "secret", os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        async with made(request.param) as sandbox:
            yield sandbox
    except TierUnavailable as missing:
        pytest.skip(str(missing))
    finally:
        os.close(descriptor)
        del os.environ["HOSTILE_SECRET"]


def made(backend: str) -> DockerSandbox | GvisorSandbox:
    if backend == "docker":
        return DockerSandbox(DockerConfig(workers=1, host=docker_host()))
    return GvisorSandbox(GvisorConfig(workers=1))


@pytest.mark.parametrize("program", [*with_marks()])
async def test_gets_the_same_verdict(program: Program, host: Host, guarded: Sandbox) -> None:
    skip_where_it_means_nothing(program)
    backend, callers = guarded.info.backend, host.callers
    result = await run_in_a_row(guarded, program, host)
    printed = (result.stdout + result.stderr).decode(errors="replace")
    outcome, _ = EXCEPTIONS.get((backend, program.name), (None, ""))
    expected = {Outcome.ACCEPTED} if program.benign else program.expected
    if result.verdict.outcome is Outcome.REJECTED and Outcome.REJECTED not in expected:
        pytest.skip(f"not for this backend: {result.verdict.cause}")
    if not program.benign:
        skip_without_kernel_support("" if outcome else result.stderr.decode(errors="replace"))
    assert result.verdict.outcome in expected | ({outcome} if outcome else set()), result
    if program.tells_its_attempt:
        assert "ATTEMPT" in printed, result
    if program.proof_is_text and (backend, program.name) not in SUCCEEDS:
        assert program.proof not in printed, result
    assert SECRET not in printed
    assert host.callers == callers
    assert not list(host.drop.iterdir())
    after = await guarded.run(CANARY)
    assert after.verdict.outcome is Outcome.ACCEPTED, after
