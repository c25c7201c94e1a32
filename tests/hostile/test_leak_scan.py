"""Not one byte of a request may be where the next run, a neighbour or the zygote could read it.

As root the test reads all memory and all files of the zygote and of the next child, for random canaries of
every field of the first request. It first shows that the scan finds a canary where there is one.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from qlayer.errors import TierUnavailable
from qlayer.sandbox.base import Limits, ProgramJob, SandboxJob, SplitJob, ValuesJob
from qlayer.sandbox.config import WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.check import Case, Expectation
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may read other processes' memory")

_AREA = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (r...) ")
SLEEPER = "import time\nCANARY = {canary!r}\nprint('up', flush=True)\ntime.sleep(60)\n"


class Canaries:
    """One random word per field of a request. The halves are joined only in the request itself."""

    def __init__(self) -> None:
        self.by_field: dict[str, str] = {}

    def __getitem__(self, field: str) -> str:
        return self.by_field.setdefault(field, "canary" + secrets.token_hex(12))

    def found_in(self, blob: bytes) -> set[str]:
        return {field for field, word in self.by_field.items() if word.encode() in blob}


def memory_of(pid: int) -> Iterator[bytes]:
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            area = _AREA.match(line)
            if area is None or "[v" in line:
                continue
            start, end = (int(text, 16) for text in area.groups()[:2])
            try:
                memory.seek(start)
                yield memory.read(end - start)
            except OSError:
                continue


def files_of(pid: int) -> Iterator[bytes]:
    """Names and contents of all files in its /tmp."""
    for path in Path(f"/proc/{pid}/root/tmp").rglob("*"):
        yield str(path).encode()
        if path.is_file() and not path.is_symlink():
            yield path.read_bytes()


def in_memory(pid: int, canaries: Canaries) -> set[str]:
    """The fields whose canary is in its memory."""
    return set().union(*(canaries.found_in(blob) for blob in memory_of(pid)))


def scan(pid: int, canaries: Canaries) -> set[str]:
    """The fields whose canary is in its memory or in a file that it sees."""
    return in_memory(pid, canaries).union(*(canaries.found_in(blob) for blob in files_of(pid)))


def children_of(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def zygotes() -> list[int]:
    keepers = [
        pid for pid in children_of(os.getpid()) if b"keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return [child for keeper in keepers for child in children_of(keeper)]


async def the_run_in(zygote: int) -> int:
    """The pid of the child that runs there now."""
    for _ in range(400):
        if found := children_of(zygote):
            await asyncio.sleep(0.3)
            return found[0]
        await asyncio.sleep(0.02)
    raise AssertionError("nothing was started")


def telling_job(mode: str, canaries: Canaries) -> SandboxJob:
    source = f"SOURCE = {canaries['source']!r}\nimport sys\n"
    if mode == "program":
        text = (
            source
            + f"sys.stdin.read()\nprint({canaries['result']!r})\nopen({canaries['file']!r}, 'w').close()\n"
        )
        return ProgramJob(
            tree=SourceTree().with_files({"main.py": text}),
            path="main.py",
            argv=(canaries["argument"],),
            stdin=canaries["stdin"].encode(),
            expected_stdout=canaries["expected"].encode(),
        )
    text = source + f"def f(word):\n    return [word, {canaries['result']!r}]\n"
    tree = SourceTree().with_files({"main.py": text})
    if mode == "split":
        tests = f"assert f({canaries['argument']!r}) == {canaries['expected']!r}\n"
        return SplitJob(tree=tree, module="main", function="f", tests=tests)
    expected = Expectation(value=repr(canaries["expected"]))
    case = Case(name="one", function="f", args=f"({canaries['argument']!r},)", expected=expected)
    return ValuesJob(tree=tree, module="main", cases=(case,))


def sleeping_job(word: str = "") -> ProgramJob:
    tree = SourceTree().with_files({"main.py": SLEEPER.format(canary=word)})
    return ProgramJob(tree=tree, path="main.py")


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[WarmSandbox]:
    try:
        async with WarmSandbox(WarmConfig(workers=2)) as opened:
            yield opened
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")


async def stopped(task: asyncio.Task[object]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("mode", ["program", "values", "split"])
async def test_nothing_of_the_last_request_is_left(mode: str, sandbox: WarmSandbox) -> None:
    canaries = Canaries()
    result = await sandbox.run(telling_job(mode, canaries))
    assert result.verdict.outcome is Outcome.WRONG_ANSWER, result
    assert len(canaries.by_field) >= 4
    (zygote,) = zygotes()
    own = Canaries()
    running = asyncio.ensure_future(sandbox.run(sleeping_job(own["source"]), Limits(wall_s=60)))
    child = await the_run_in(zygote)
    assert scan(child, own) == {"source"}, "the scan must find what is there"
    assert scan(child, canaries) == set()
    assert scan(zygote, canaries) == set()
    # The run's own /tmp is mounted there; its memory must not know of it.
    assert in_memory(zygote, own) == set()
    await stopped(running)


async def test_nothing_goes_to_a_neighbour(sandbox: WarmSandbox) -> None:
    first, second = Canaries(), Canaries()
    tasks = [
        asyncio.ensure_future(sandbox.run(sleeping_job(words["source"]), Limits(wall_s=60)))
        for words in (first, second)
    ]
    for _ in range(400):
        if len(zygotes()) == 2 and all(children_of(zygote) for zygote in zygotes()):
            break
        await asyncio.sleep(0.02)
    seen = []
    for zygote in zygotes():
        child = await the_run_in(zygote)
        seen.append((scan(child, first), scan(child, second)))
        assert in_memory(zygote, first) | in_memory(zygote, second) == set()
    assert sorted(seen, key=str) == sorted([({"source"}, set()), (set(), {"source"})], key=str)
    for task in tasks:
        await stopped(task)
