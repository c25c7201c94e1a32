"""Files that a program leaves: brought back as they are, or FILE_ERROR with the reason."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sandbox_backends import BACKENDS, judge, opened, program

from qlayer.errors import TierUnavailable
from qlayer.sandbox.base import MiB, Sandbox, SandboxResult
from qlayer.sandbox.config import Control, WarmConfig
from qlayer.sandbox.files.collect import Collected, collect_work
from qlayer.sandbox.warm import WarmSandbox, run
from qlayer.types.verdict import Attribution, Outcome, Phase

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[*sorted(BACKENDS), "docker"])
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    async with opened(request.param) as started:
        yield started


async def left(sandbox: Sandbox, code: str, *outputs: str, **limits: float) -> SandboxResult:
    return await judge(sandbox, program(code, outputs=outputs), **limits)


def assert_refused(result: SandboxResult, cause: str, attempted: bytes = b"attempted") -> None:
    assert attempted in result.stdout, result
    verdict = result.verdict
    assert (verdict.outcome, verdict.phase) == (Outcome.FILE_ERROR, Phase.COLLECT), verdict
    assert verdict.attribution is Attribution.PROGRAM and cause in verdict.cause
    assert not result.files


async def test_files_come_back_by_path(sandbox: Sandbox) -> None:
    code = """
        import os
        os.makedirs("out/deep")
        open("out/deep/a.bin", "wb").write(bytes(range(256)))
        open("out/b.txt", "w").write("b")
        open("other.txt", "w").write("not asked for")
        """
    result = await left(sandbox, code, "out/**", "out/b.txt", "main.py")
    assert result.verdict.accepted, result
    assert [file.path for file in result.files] == ["main.py", "out/b.txt", "out/deep/a.bin"]
    assert result.files[2].data == bytes(range(256))


async def test_nothing_is_brought_that_was_not_asked_for(sandbox: Sandbox) -> None:
    result = await left(sandbox, "open('a.txt', 'w').write('a')")
    assert result.verdict.accepted and not result.files


async def test_the_next_run_finds_nothing_of_it(sandbox: Sandbox) -> None:
    assert (await left(sandbox, "open('a.txt', 'w').write('a')", "a.txt")).files
    for _ in range(4):
        again = await left(sandbox, "import os; print(os.path.exists('a.txt'))", "*.txt")
        assert again.stdout == b"False\n" and not again.files


async def test_a_missing_output(sandbox: Sandbox) -> None:
    assert_refused(await left(sandbox, "print('attempted')", "answer.txt"), "'answer.txt' is missing")
    assert_refused(await left(sandbox, "print('attempted')", "*.txt"), "no file matches '*.txt'")


async def test_a_crash_explains_a_missing_output(sandbox: Sandbox) -> None:
    result = await left(sandbox, "raise SystemExit(3)", "answer.txt")
    assert result.verdict.outcome is Outcome.RUNTIME_ERROR


async def test_partial_files_come_back_with_a_limit(sandbox: Sandbox) -> None:
    code = "open('a.txt', 'w').write('so far')\nwhile True: pass"
    result = await left(sandbox, code, "a.txt", cpu_s=0.5)
    assert result.verdict.outcome is Outcome.CPU_LIMIT
    assert [file.data for file in result.files] == [b"so far"]


async def test_a_link_to_a_file_of_the_host(sandbox: Sandbox) -> None:
    code = """
        import os
        os.symlink("/etc/shadow", "a.txt")
        os.symlink("/", "root")
        print("attempted")
        """
    assert_refused(await left(sandbox, code, "a.txt"), "symbolic link")
    assert_refused(await left(sandbox, code, "root/etc/passwd"), "symbolic link")
    assert_refused(await left(sandbox, code, "[ar]*"), "symbolic link")


async def test_the_working_directory_replaced_by_a_link(sandbox: Sandbox) -> None:
    code = """
        import os
        os.rename("/tmp/work", "/tmp/gone")
        os.symlink("/etc", "/tmp/work")
        print("attempted", open("/tmp/work/passwd").read(4))
        """
    assert_refused(await left(sandbox, code, "passwd"), "working directory is gone", b"attempted zygo")


async def test_a_hard_link(sandbox: Sandbox) -> None:
    code = "import os\nopen('a', 'w').write('x')\nos.link('a', 'b.txt')\nprint('attempted')"
    assert_refused(await left(sandbox, code, "b.txt"), "hard link")


async def test_a_socket(sandbox: Sandbox) -> None:
    code = "import socket\nsocket.socket(socket.AF_UNIX).bind('b.sock')\nprint('attempted')"
    assert_refused(await left(sandbox, code, "*.sock"), "a socket")


async def test_a_name_with_a_newline(sandbox: Sandbox) -> None:
    code = "open('a\\nACCEPTED', 'w').write('x')\nprint('attempted')"
    result = await left(sandbox, code, "a*")
    assert_refused(result, "control character")
    assert "\n" not in result.verdict.cause


async def test_a_sparse_terabyte(sandbox: Sandbox) -> None:
    code = """
        import os, resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        file = open("huge", "wb")
        try:
            file.truncate(1 << 40)
        except OSError:
            file.truncate(resource.getrlimit(resource.RLIMIT_FSIZE)[0])
        print("attempted", os.stat("huge").st_size >= 1 << 25)
        """
    result = await left(sandbox, code, "huge", disk_bytes=64 * MiB)
    assert_refused(result, "more than may come back", b"attempted True")
    assert result.verdict.evidence.limit == f"file_bytes={16 * MiB}"


async def test_ten_thousand_files(sandbox: Sandbox) -> None:
    code = "for n in range(10_000): open(f'{n}.txt', 'w')\nprint('attempted')"
    result = await left(sandbox, code, "*.txt")
    assert_refused(result, "more files than may come back")
    assert result.verdict.evidence.limit == "files=1000"


@pytest.mark.parametrize("bad", ["../x", "/etc/passwd", "a\nb", ""])
async def test_what_can_be_asked_for(sandbox: Sandbox, bad: str) -> None:
    result = await left(sandbox, "pass", bad)
    assert result.verdict.outcome is Outcome.REJECTED and result.verdict.cause.startswith("outputs: ")


async def test_a_pipe_does_not_hold_up_the_collection() -> None:
    """The filter lets nobody make one; without it the collector still does not wait for a writer."""
    code = "import os\nos.mkfifo('a.txt')\nprint('attempted')"
    for disabled in (frozenset[Control](), frozenset({Control.SECCOMP})):
        try:
            async with WarmSandbox(WarmConfig(workers=1), unsafe_disabled=disabled) as sandbox:
                result = await left(sandbox, code, "a.txt")
        except TierUnavailable as missing:
            pytest.skip(f"warm: {missing}")
        if disabled:
            assert_refused(result, "a pipe")
        else:
            assert b"Operation not permitted" in result.stderr


SURVIVOR = """
    import os, time
    open("out.txt", "w").write("first")
    if os.fork() == 0:
        os.setsid()
        for fd in range(3):
            os.close(fd)
        while True:
            with open("out.txt", "a") as file:
                file.write("later")
            time.sleep(0.001)
    print("attempted")
    """


@pytest.mark.parametrize("disabled", [frozenset[Control](), frozenset({Control.CLEAN_UP})])
async def test_nothing_is_alive_that_could_change_a_file_meanwhile(
    disabled: frozenset[Control], monkeypatch: pytest.MonkeyPatch
) -> None:
    grew = []

    def watching(tmp: int, *rest: Any) -> Collected:
        before = os.stat("work/out.txt", dir_fd=tmp).st_size
        for _ in range(100 if disabled else 20):
            time.sleep(0.02)
            if os.stat("work/out.txt", dir_fd=tmp).st_size > before:
                break
        grew.append(os.stat("work/out.txt", dir_fd=tmp).st_size > before)
        return collect_work(tmp, *rest)

    monkeypatch.setattr(run, "collect_work", watching)
    try:
        async with WarmSandbox(WarmConfig(workers=1), unsafe_disabled=disabled) as sandbox:
            result = await left(sandbox, SURVIVOR, "out.txt")
    except TierUnavailable as missing:
        pytest.skip(f"warm: {missing}")
    assert b"attempted" in result.stdout and result.verdict.outcome is not Outcome.ACCEPTED
    assert grew == [bool(disabled)], "with the clean-up off the file changes under the collector's eyes"
