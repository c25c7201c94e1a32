"""Every system call number, tried from inside: what is let through is exactly the list in `calls.py`.

Each number is called in a fork of the program with arguments that harm nobody (-1 where a descriptor or a
pointer would be). A call that the filter refuses answers EPERM or ENOSYS, as the table says.
"""

from __future__ import annotations

import ast
import errno
import platform
import signal

import pytest

from qlayer.errors import TierUnavailable
from qlayer.sandbox.base import Limits, ProgramJob
from qlayer.sandbox.config import Control, WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.sandbox.zygote.calls import ALLOWED, NUMBERS, PRETENDED_MISSING, ZYGOTE_ONLY
from qlayer.sandbox.zygote.filters import _CHECKED
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the table is that of x86_64")

LAST = 600
X32_BIT = 0x40000000
PROBES = {335, 336}
"""uretprobe and uprobe: newer kernels let them pass every filter, and refuse them by SIGILL and ENXIO."""
SWEEP = """
import ctypes, os, signal, sys

libc = ctypes.CDLL(None, use_errno=True)
# They end, stop or replace the caller, wait for ever, or return into a frame that is not there.
NOT_CALLED = {15, 34, 56, 57, 58, 59, 60, 61, 62, 109, 112, 130, 200, 219, 231, 234, 247, 322, 434, 435}
found = {}
for number in map(int, sys.argv[1:]):
    if number in NOT_CALLED:
        continue
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.setitimer(signal.ITIMER_REAL, 5)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(-1) for _ in range(6)))
        os.write(writer, b"%d" % (ctypes.get_errno() if result == -1 else 0))
        os._exit(0)
    os.close(writer)
    answer = os.read(reader, 16)
    os.close(reader)
    _, status = os.waitpid(child, 0)
    found[number] = int(answer) if answer else -(status & 0x7f)
print(found)
"""


async def swept(sandbox: WarmSandbox, numbers: list[int]) -> dict[int, int]:
    """By number: the errno, 0 for success, or minus the signal that ended the caller."""
    job = ProgramJob(
        tree=SourceTree().with_files({"main.py": SWEEP}), path="main.py", argv=tuple(map(str, numbers))
    )
    result = await sandbox.run(job, Limits(wall_s=60, cpu_s=30))
    assert result.verdict.outcome is Outcome.ACCEPTED, result
    return ast.literal_eval(result.stdout.decode())


async def test_exactly_the_listed_calls_are_let_through() -> None:
    names = {number: name for name, number in NUMBERS["x86_64"].items()}
    open_calls = ALLOWED | _CHECKED.keys()
    try:
        async with WarmSandbox(WarmConfig(workers=1)) as sandbox:
            guarded = await swept(sandbox, list(range(LAST + 1)))
        async with WarmSandbox(WarmConfig(workers=1), unsafe_disabled={Control.SECCOMP}) as unsafe:
            bare = await swept(unsafe, list(range(LAST + 1)))
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")
    assert len(guarded) > 550
    refused = {number for number, answer in guarded.items() if answer in (errno.EPERM, errno.ENOSYS)}
    for number, answer in guarded.items():
        name = names.get(number, "")
        if number in PROBES:
            assert answer in (errno.EPERM, errno.ENXIO, -signal.SIGILL)
        elif name in PRETENDED_MISSING:
            assert answer == errno.ENOSYS, name
        elif name in ZYGOTE_ONLY or name not in open_calls:
            assert answer == errno.EPERM, (number, name, answer)
        elif name not in _CHECKED:
            # The kernel itself may answer EPERM or ENOSYS: then it does so without the filter too.
            assert number not in refused or bare.get(number) == answer, (number, name, answer)
    reached = [number for number in refused if bare[number] not in (errno.EPERM, errno.ENOSYS)]
    assert len(reached) > 50, "without the filter the kernel answers many of the refused calls"
    print(f"{len(guarded)} numbers tried, {len(refused)} refused, {len(reached)} of them by the filter alone")


async def test_x32_numbers_are_refused() -> None:
    try:
        async with WarmSandbox(WarmConfig(workers=1)) as sandbox:
            found = await swept(sandbox, [X32_BIT + number for number in range(0, LAST, 7)])
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")
    assert set(found.values()) == {errno.EPERM}
