"""What every host of sessions must do; the attacks run where there is something to break out of."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from qlayer.errors import (
    ConflictError,
    InputError,
    NotFoundError,
    SessionGone,
    SessionsFull,
    TierUnavailable,
)
from qlayer.sandbox.base import MiB
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.sessions.base import (
    Chunk,
    Ended,
    PythonSource,
    Session,
    SessionHost,
    SessionLimits,
    SessionSpec,
    ShellCommand,
)
from qlayer.sandbox.sessions.fake import UnsafeFakeSessions
from qlayer.sandbox.sessions.warm import WarmSessions
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Tier

HOSTS: dict[str, Callable[[], SessionHost]] = {
    "warm": lambda: WarmSessions(WarmConfig(workers=1), most=3),
    "fake": lambda: UnsafeFakeSessions(most=3),
}


@pytest.fixture(params=sorted(HOSTS))
async def host(request: pytest.FixtureRequest) -> AsyncIterator[SessionHost]:
    async with HOSTS[request.param]() as made:
        yield made


@pytest.fixture
async def warm() -> AsyncIterator[SessionHost]:
    async with HOSTS["warm"]() as made:
        yield made


async def opened(host: SessionHost, tree: dict[str, bytes] | None = None, **limits: Any) -> Session:
    try:
        return await host.open(SessionSpec(tree=SourceTree(files=tree or {}), limits=SessionLimits(**limits)))
    except TierUnavailable as missing:
        pytest.skip(f"warm: {missing}")


async def ran(session: Session, execution: PythonSource | ShellCommand) -> tuple[str, str, Ended]:
    """Stdout, stderr and how it ended."""
    streams = {"stdout": b"", "stderr": b""}
    async for event in session.execute(execution):
        if isinstance(event, Chunk):
            streams[event.stream] += event.data
        else:
            return streams["stdout"].decode(), streams["stderr"].decode(), event
    raise AssertionError("no end")


async def python(session: Session, source: str, **fields: Any) -> tuple[str, str, Ended]:
    return await ran(session, PythonSource(source=source, **fields))


async def shell(session: Session, command: str, **fields: Any) -> tuple[str, str, Ended]:
    return await ran(session, ShellCommand(command=command, **fields))


# -- every host -----------------------------------------------------------------------------------------


async def test_names_stay_from_one_execution_to_the_next(host: SessionHost) -> None:
    session = await opened(host)
    assert (await python(session, "x = 20\ndef twice(n): return 2 * n"))[2].status == 0
    assert (await python(session, "print(twice(x) + 2)"))[0] == "42\n"


async def test_an_exception_is_a_result_and_the_session_goes_on(host: SessionHost) -> None:
    session = await opened(host)
    _, stderr, ended = await python(session, "y = 1\nraise ValueError('no')")
    assert ended.status == 1 and ended.error is not None
    assert (ended.error.type, ended.error.message) == ("ValueError", "no")
    assert "ValueError: no" in stderr
    assert (await python(session, "print(y)"))[0] == "1\n"


async def test_files_in_and_out(host: SessionHost) -> None:
    session = await opened(host, {"data/in.txt": b"from the start"})
    await session.write("deep/new.bin", bytes(range(256)) * 8000)
    assert await session.read("deep/new.bin") == bytes(range(256)) * 8000
    assert await session.read("data/in.txt") == b"from the start"
    await session.write("data/in.txt", b"")
    assert await session.read("data/in.txt") == b""
    files = [entry.path for entry in await session.files() if entry.kind == "file"]
    assert files == ["data/in.txt", "deep/new.bin"]
    with pytest.raises(NotFoundError):
        await session.read("missing")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a\nb", "", "a//b", "x" * 300])
async def test_no_path_leads_out(host: SessionHost, path: str) -> None:
    session = await opened(host)
    with pytest.raises(InputError):
        await session.read(path)
    with pytest.raises(InputError):
        await session.write(path, b"x")


async def test_a_fork_has_the_files_and_goes_its_own_way(host: SessionHost) -> None:
    parent = await opened(host, {"a.txt": b"one"})
    child = await parent.fork()
    assert child.info.parent == parent.info.id and child.info.id != parent.info.id
    assert await child.read("a.txt") == b"one"
    await parent.write("a.txt", b"parent")
    await child.write("b.txt", b"child")
    assert await child.read("a.txt") == b"one"
    with pytest.raises(NotFoundError):
        await parent.read("b.txt")
    await parent.close()
    assert await child.read("b.txt") == b"child"


async def test_a_closed_session_is_gone_and_says_why(host: SessionHost) -> None:
    session = await opened(host)
    assert host.get(session.info.id) is session
    assert [info.id for info in host.list()] == [session.info.id]
    await session.close()
    await session.close()
    assert host.list() == ()
    for attempt in (session.read("x"), session.files(), session.fork(), python(session, "1")):
        with pytest.raises(SessionGone, match="it was closed"):
            await attempt
    with pytest.raises(SessionGone, match="it was closed"):
        host.get(session.info.id)
    with pytest.raises(NotFoundError):
        host.get("ses-" + "0" * 32)


async def test_no_more_sessions_than_allowed(host: SessionHost) -> None:
    sessions = [await opened(host) for _ in range(3)]
    with pytest.raises(SessionsFull, match="3 sessions") as full:
        await host.open()
    assert full.value.retryable
    with pytest.raises(SessionsFull):
        await sessions[0].fork()
    await sessions[1].close()
    await opened(host)


# -- warm -----------------------------------------------------------------------------------------------


async def test_a_last_expression_is_shown(warm: SessionHost) -> None:
    session = await opened(warm)
    assert (await python(session, "a = 6\na * 7"))[0] == "42\n"
    assert (await python(session, "None"))[0] == ""
    assert (await python(session, "1 +"))[2].error.type == "SyntaxError"  # type: ignore[union-attr]


async def test_the_shell_sees_the_same_files(warm: SessionHost) -> None:
    session = await opened(warm)
    await python(session, "open('a.txt', 'w').write('from Python')")
    stdout, stderr, ended = await shell(session, "cat a.txt; echo oops >&2; exit 3")
    assert (stdout, stderr, ended.status) == ("from Python", "oops\n", 3)


async def test_output_is_streamed(warm: SessionHost) -> None:
    session = await opened(warm)
    source = "import time\nprint('first', flush=True)\nwhile True: time.sleep(0.01)"
    events = session.execute(PythonSource(source=source, wall_s=2))
    first = await anext(events)
    assert first == Chunk(stream="stdout", data=b"first\n"), "it came while the code was still running"
    with pytest.raises(ConflictError):
        await python(session, "1")
    last = [event async for event in events][-1]
    assert isinstance(last, Ended) and last.timed_out


async def test_a_reader_that_goes_away_changes_nothing(warm: SessionHost) -> None:
    session = await opened(warm)
    source = (
        "import time\nprint('first', flush=True)\ntime.sleep(1)\ndone = 'all of it'\nprint('x' * 100_000)"
    )
    async for event in session.execute(PythonSource(source=source)):
        assert isinstance(event, Chunk)
        break
    with pytest.raises(ConflictError):
        await python(session, "1")
    await session.files()  # waits
    assert (await python(session, "print(done)"))[0] == "all of it\n"


async def test_time_is_up_and_names_are_still_there(warm: SessionHost) -> None:
    session = await opened(warm)
    await python(session, "kept = 'here'")
    for source in (
        "while True: pass",
        "import time; time.sleep(60)",
        "while True:\n try:\n  while True: pass\n except BaseException:\n  break",
    ):
        _, _, ended = await python(session, source, wall_s=0.3)
        assert ended.timed_out or ended.status == 0
    _, _, ended = await shell(session, "sleep 60 & sleep 60", wall_s=0.3)
    assert ended.timed_out
    assert (await python(session, "kept"))[0] == "'here'\n"


async def test_what_cannot_be_interrupted_ends_the_session(
    warm: SessionHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qlayer.sandbox.sessions.warm_session.GRACE_S", 1.0)
    session = await opened(warm)
    source = "import signal; signal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass"
    with pytest.raises(SessionGone, match="interrupted"):
        await python(session, source, wall_s=0.2)


async def test_output_beyond_the_limit_is_dropped(warm: SessionHost) -> None:
    session = await opened(warm, output_bytes=10_000)
    stdout, _, ended = await python(session, "for _ in range(300): print('x' * 9_999)")
    assert len(stdout) == 10_000 and ended.truncated and ended.status == 0
    stdout, _, ended = await python(session, "print('again')")
    assert stdout == "again\n" and not ended.truncated


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os; os._exit(3)", "ended with status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
        ("import os; os.closerange(3, 64)", "."),
        ('import os; os.write(4, b\'{"kind": "answer", "number": 1}\\n\')', "private channel"),
    ],
)
async def test_an_interpreter_that_ends_or_lies_ends_its_session(
    warm: SessionHost, source: str, reason: str
) -> None:
    session = await opened(warm)
    other = await opened(warm)
    with pytest.raises(SessionGone, match=reason):
        await python(session, source)
    with pytest.raises(SessionGone, match=reason):
        await session.read("x")
    assert (await python(other, "1 + 1"))[0] == "2\n"


async def test_memory_ends_the_session_with_its_reason(warm: SessionHost) -> None:
    session = await opened(warm, memory_bytes=64 * MiB)
    if session.info.tier is not Tier.FULL:
        pytest.skip("no memory cgroup here")
    with pytest.raises(SessionGone, match=f"memory_bytes={64 * MiB}"):
        await python(session, "held = []\nwhile True: held.append(bytearray(1 << 20))")


async def test_cpu_ends_the_session_with_its_reason(warm: SessionHost) -> None:
    session = await opened(warm, cpu_s=1)
    with pytest.raises(SessionGone, match="cpu_s=1"):
        await python(session, "while True: pass")


async def test_the_disk_is_bounded(warm: SessionHost) -> None:
    session = await opened(warm, disk_bytes=MiB)
    _, _, ended = await python(session, "open('big', 'wb').write(bytes(4 << 20))")
    assert ended.error is not None and ended.error.type == "OSError"
    with pytest.raises(InputError) as refused:
        await session.write("more", bytes(2 * MiB))
    assert refused.value.limit == "disk_bytes"


async def test_an_idle_session_ends_and_use_keeps_it(warm: SessionHost) -> None:
    session = await opened(warm, idle_s=1.5)
    for _ in range(4):
        await asyncio.sleep(0.5)
        await python(session, "1")
    for _ in range(200):
        if not host_ids(warm):
            break
        await asyncio.sleep(0.05)
    with pytest.raises(SessionGone, match=r"idle_s=1\.5"):
        warm.get(session.info.id)


async def test_a_session_has_a_lifetime(warm: SessionHost) -> None:
    session = await opened(warm, lifetime_s=1)
    with pytest.raises(SessionGone, match="lifetime_s=1"):
        for _ in range(200):
            await python(session, "import time; time.sleep(0.1)")


def host_ids(host: SessionHost) -> list[str]:
    return [info.id for info in host.list()]


# -- attacks --------------------------------------------------------------------------------------------


async def test_one_session_sees_nothing_of_another(warm: SessionHost) -> None:
    victim, thief = await opened(warm), await opened(warm)
    await victim.write("secret.txt", b"a secret of files")
    await python(victim, "marker = 'a secret of ' + 'memory'")
    await shell(victim, "sleep 300 >/dev/null 2>&1 & echo $!")
    look = """
        grep -r 'a secret' /tmp /dev/shm 2>/dev/null
        ls -A /tmp/work
        for pid in $(seq 1 400); do kill -0 $pid 2>/dev/null && echo alive $pid; done
        """
    assert (await shell(victim, look))[0].count("secret") >= 1, "it can be found"
    assert "secret" not in (await shell(thief, look))[0]
    await kill_all_it_can(thief)
    assert (await python(victim, "print(marker)"))[0] == "a secret of memory\n", "and nobody was killed"


async def test_a_fork_shares_no_process_and_no_later_change(warm: SessionHost) -> None:
    parent = await opened(warm, {"a.txt": b"1"})
    child = await parent.fork()
    await shell(parent, "(while true; do echo more >> a.txt; sleep 0.01; done) >/dev/null 2>&1 &")
    assert await grows(parent, "a.txt", 1), "the parent's file changes"
    assert await child.read("a.txt") == b"1"
    await kill_all_it_can(child)
    before = len(await parent.read("a.txt"))
    assert await grows(parent, "a.txt", before), "the child could not end the parent's process"


async def grows(session: Session, path: str, size: int) -> bool:
    """Whether the file has more bytes than that soon."""
    for _ in range(200):
        if len(await session.read(path)) > size:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_links_and_pipes_are_not_followed(warm: SessionHost) -> None:
    session = await opened(warm)
    await python(session, "import os; os.symlink('/etc/passwd', 'link'); os.mkdir('folder')")
    assert "root" not in (await shell(session, "cat link"))[0]
    for path in ("link", "folder"):
        with pytest.raises(InputError):
            await session.read(path)
    await session.write("link", b"replaced, not followed")
    assert await session.read("link") == b"replaced, not followed"
    kinds = {entry.path: entry.kind for entry in await session.files()}
    assert kinds == {"link": "file", "folder": "folder"}


async def test_everything_is_dead_when_the_host_is_closed(warm: SessionHost) -> None:
    async with WarmSessions(WarmConfig(workers=1)) as host:
        session = await opened(host)
        await shell(session, "sleep 300.125 >/dev/null 2>&1 &")
        await until_running("sleep 300.125")
        await session.close()
        assert not processes("sleep 300.125")
        session = await opened(host)
        await shell(session, "sleep 300.25 >/dev/null 2>&1 &")
        await until_running("sleep 300.25")
    assert not processes("sleep 300.25")
    with pytest.raises(SessionGone, match="its host was closed"):
        await session.read("x")


HOLDER = """
import asyncio
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.sessions.base import ShellCommand
from qlayer.sandbox.sessions.warm import WarmSessions

async def main():
    async with WarmSessions(WarmConfig(workers=1)) as host:
        session = await host.open()
        command = ShellCommand(command="(setsid sleep 300.375 >/dev/null 2>&1 &)")
        print([event async for event in session.execute(command)], flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_everything_is_dead_when_the_host_is_killed(warm: SessionHost) -> None:
    await (await opened(warm)).close()  # skips where there is no isolation
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None and await holder.stdout.readline()
    await until_running("sleep 300.375")
    holder.kill()
    await holder.wait()
    for _ in range(200):
        if not processes("sleep 300.375"):
            break
        await asyncio.sleep(0.05)
    assert not processes("sleep 300.375")


async def test_many_sessions_leave_nothing_behind() -> None:
    async with WarmSessions(WarmConfig(workers=1)) as host:
        await (await opened(host)).close()
        before = sorted(os.listdir("/proc/self/fd"))
        for number in range(8):
            session = await opened(host)
            await python(session, f"x = {number}")
            if number % 2:
                await session.close()
            else:
                with pytest.raises(SessionGone):
                    await python(session, "import os; os._exit(1)")
        assert len(os.listdir("/proc/self/fd")) == len(before)
        assert host.list() == ()


async def kill_all_it_can(session: Session) -> None:
    """Everything that it can signal, itself included, is dead then."""
    with pytest.raises(SessionGone, match="signal 9"):
        await python(session, "import os\ntry: os.kill(-1, 9)\nexcept OSError: pass\nos.kill(os.getpid(), 9)")


async def until_running(command: str) -> None:
    for _ in range(200):
        if processes(command):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{command} was never started")


def processes(command: str) -> list[int]:
    """Of this whole machine."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if file.read().replace(b"\0", b" ").strip().decode("utf-8", "replace") == command:
                    found.append(int(name))
        except OSError:
            continue
    return found
