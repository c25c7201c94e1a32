"""Pairs of programs: the interactor decides, and the program can neither read nor end it.

Each attack is first shown to work where its guard is missing.
"""

from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from qlayer.errors import TierUnavailable
from qlayer.sandbox import runtimes
from qlayer.sandbox.base import InteractiveJob, Limits, MiB, SandboxResult
from qlayer.sandbox.config import Control, WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.language import Language
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Attribution, Outcome

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOMY = Limits(wall_s=60, cpu_s=20, memory_bytes=256 * MiB)
INTERACTOR = """
    import sys

    SECRET = 37
    for turn in range(10):
        line = sys.stdin.readline()
        if not line:
            sys.exit("the program said nothing more")
        guess = int(line)
        if guess == SECRET:
            print("right", flush=True)
            print(f"found in {turn + 1} turns", file=sys.stderr)
            sys.exit(0)
        print("less" if guess > SECRET else "more", flush=True)
    print("too many turns", file=sys.stderr)
    sys.exit(1)
"""
GUESSER = """
    low, high = 0, 100
    while True:
        guess = (low + high) // 2
        print(guess, flush=True)
        answer = input()
        if answer == "right":
            break
        low, high = (low, guess - 1) if answer == "less" else (guess + 1, high)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def warm() -> AsyncIterator[WarmSandbox]:
    async for sandbox in opened():
        yield sandbox


async def opened(*off: Control) -> AsyncIterator[WarmSandbox]:
    try:
        async with WarmSandbox(WarmConfig(workers=1), unsafe_disabled=frozenset(off)) as sandbox:
            if not any(each.name == "second_uid" and each.available for each in sandbox.info.capabilities):
                pytest.skip("interactive pairs need a second uid: start as root")
            yield sandbox
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")


def pair(program: str, interactor: str = INTERACTOR) -> InteractiveJob:
    return InteractiveJob(
        tree=SourceTree().with_files({"main.py": textwrap.dedent(program)}),
        path="main.py",
        interactor=SourceTree().with_files({"judge.py": textwrap.dedent(interactor)}),
        interactor_path="judge.py",
    )


async def run(sandbox: WarmSandbox, job: InteractiveJob, **limits: float) -> SandboxResult:
    return await sandbox.run(job, ROOMY.model_copy(update=limits))


async def test_the_interactor_accepts(warm: WarmSandbox) -> None:
    result = await run(warm, pair(GUESSER))
    assert result.verdict.outcome is Outcome.ACCEPTED, result
    assert "found in" in result.verdict.cause


async def test_the_interactor_refuses(warm: WarmSandbox) -> None:
    result = await run(warm, pair("for _ in range(20): print(1, flush=True); input()"))
    assert (result.verdict.outcome, result.verdict.attribution) == (Outcome.WRONG_ANSWER, Attribution.PROGRAM)
    assert "too many turns" in result.verdict.cause


async def test_an_interactor_that_fails_is_not_the_programs_fault(warm: WarmSandbox) -> None:
    result = await run(warm, pair(GUESSER, "raise SystemExit(3)"))
    assert result.verdict.outcome is Outcome.RUNTIME_ERROR
    assert result.verdict.attribution is Attribution.TESTS


async def test_a_program_that_ends_at_once_is_never_accepted(warm: WarmSandbox) -> None:
    assert (await run(warm, pair("raise SystemExit(0)"))).verdict.outcome is Outcome.WRONG_ANSWER


async def test_two_that_wait_for_each_other_end_by_the_wall(warm: WarmSandbox) -> None:
    result = await run(warm, pair("input()", "input()"), wall_s=1.0)
    assert result.verdict.outcome is Outcome.WALL_LIMIT


async def test_a_program_without_end_is_killed_when_the_interactor_has_decided(warm: WarmSandbox) -> None:
    program = "import time\nprint(37, flush=True)\nwhile True: time.sleep(1)"
    assert (await run(warm, pair(program))).verdict.outcome is Outcome.ACCEPTED


async def test_a_compiled_program_against_a_python_interactor(warm: WarmSandbox) -> None:
    try:
        runtimes.find(Language.C)
    except runtimes.ToolchainMissing as missing:
        pytest.skip(str(missing))
    code = '#include <stdio.h>\nint main(void) { puts("37"); fflush(stdout); while (getchar() != EOF) {} }'
    job = pair("").model_copy(
        update={
            "tree": SourceTree().with_files({"main.c": code}),
            "path": "main.c",
            "language": Language.C,
        }
    )
    result = await run(warm, job)
    assert result.verdict.outcome is Outcome.ACCEPTED, result


READER = """
    import os, sys, time

    print("ATTEMPT", os.listdir("/tmp"), file=sys.stderr, flush=True)
    while not (hidden := set(os.listdir("/tmp")) - {"work"}):
        time.sleep(0.01)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        try:
            print("READ", open(f"/tmp/{min(hidden)}/work/judge.py").read(), file=sys.stderr)
            break
        except OSError:
            time.sleep(0.05)
    print(1, flush=True)
"""
KILLER = """
    import os, signal, sys, time

    print("ATTEMPT", file=sys.stderr, flush=True)
    killed, end = False, time.monotonic() + 1
    while not killed and time.monotonic() < end:
        for pid in set(range(2, 400)) - {os.getpid()}:
            try:
                os.kill(pid, signal.SIGKILL)
                killed = True
                print("KILLED", pid, file=sys.stderr, flush=True)
            except OSError:
                pass
        time.sleep(0.05)
    print(1, flush=True)
"""


@pytest.mark.parametrize(("program", "proof"), [(READER, b"READ"), (KILLER, b"KILLED")], ids=["read", "kill"])
async def test_the_interactor_cannot_be_read_or_killed(warm: WarmSandbox, program: str, proof: bytes) -> None:
    guarded = await run(warm, pair(program))
    assert b"ATTEMPT" in guarded.stderr
    assert proof not in guarded.stderr, guarded
    assert guarded.verdict.outcome is Outcome.WRONG_ANSWER, guarded
    async for weak in opened(Control.SECOND_UID):
        unguarded = await run(weak, pair(program))
        assert proof in unguarded.stderr, "the attack does not work even without its guard"
        assert unguarded.verdict.outcome is not Outcome.ACCEPTED
