"""Controls that need a bait which the platform never lays out: mount flags, set-uid files, a dead keeper.

Each is first switched off to show that the attack then works.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import stat
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qlayer.errors import TierUnavailable
from qlayer.sandbox import interpreter
from qlayer.sandbox.base import InteractiveJob, Limits, MiB, ProgramJob
from qlayer.sandbox.config import Control, WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.sandbox.warm import sandbox as warm
from qlayer.sandbox.warm.sandbox import _uids
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="baits of other accounts and devices need root")

INSIDE = "/opt/bait"
WRITE = f"open('{INSIDE}/planted', 'w').close()\nprint('SUCCESS')\n"
DEVICE = f"assert open('{INSIDE}/zero', 'rb').read(4) == bytes(4)\nprint('SUCCESS')\n"
SET_UID = f"import os\nos.execv('{INSIDE}/id', ['id', '-u'])\n"
FILE_CAPABILITY = struct.pack("<5I", 0x02000001, 1, 0, 0, 0)
"""CAP_CHOWN, effective (linux/capability.h: struct vfs_cap_data, revision 2)."""
CHOWN = f"""
import os, subprocess
open("mine", "w").close()
subprocess.run(["{INSIDE}/chown", "1000", "mine"])
print("SUCCESS" if os.stat("mine").st_uid == 1000 else "still mine")
"""
LEND_UID = """
import os, shutil, sys
os.umask(0)
shutil.copy("/usr/bin/id", "{place}")
os.chmod("{place}", 0o4755)
print("lent", flush=True)
print("uid", sys.stdin.readline().strip(), file=sys.stderr)
sys.exit(1)
"""
TAKE_UID = """
import subprocess
input()
print(subprocess.run(["{place}", "-u"], capture_output=True, text=True).stdout.strip(), flush=True)
"""
ATTACH = """
import ctypes
libc = ctypes.CDLL(None)
print("ATTEMPT")
print("SUCCESS" if libc.shmget({key}, 4096, 0) >= 0 else "refused")
"""
FILL_TMP = """
import os
os.execv("/bin/sh", ["sh", "-c", "while :; do head -c 4m /dev/zero; done > /tmp/filled"])
"""


@pytest.fixture
def bait(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the host that all may write, with a device and a set-uid file of the first zygote's uid."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-bait-", dir="/var/tmp"))
    folder.chmod(0o777)
    os.mknod(folder / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    (folder / "zero").chmod(0o666)
    shutil.copy("/usr/bin/id", folder / "id")
    os.chown(folder / "id", _uids(0), _uids(0))
    (folder / "id").chmod(0o4755)
    usual = interpreter.binds()
    monkeypatch.setattr(interpreter, "binds", lambda: (*usual, (str(folder), INSIDE)))
    yield folder
    shutil.rmtree(folder)


async def printed(source: str, *off: Control) -> str:
    job = ProgramJob(tree=SourceTree().with_files({"main.py": source}), path="main.py")
    try:
        async with WarmSandbox(WarmConfig(workers=1), unsafe_disabled=frozenset(off)) as sandbox:
            return (await sandbox.run(job)).stdout.decode()
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")


async def test_what_is_shown_of_the_host_is_read_only(bait: Path) -> None:
    assert "SUCCESS" in await printed(WRITE, Control.MOUNT_READONLY)
    (bait / "planted").unlink()
    assert "SUCCESS" not in await printed(WRITE)
    assert not (bait / "planted").exists()


async def test_devices_shown_of_the_host_do_not_open(bait: Path) -> None:
    if os.statvfs(bait).f_flag & os.ST_NODEV:
        pytest.skip("the host's own /var/tmp has no devices")
    assert "SUCCESS" in await printed(DEVICE, Control.MOUNT_NODEV)
    assert "SUCCESS" not in await printed(DEVICE)


async def test_set_uid_files_lend_no_account(bait: Path) -> None:
    """Either of two controls is enough."""
    if os.statvfs(bait).f_flag & os.ST_NOSUID:
        pytest.skip("the host's own /var/tmp lends no accounts")
    assert await printed(SET_UID, Control.MOUNT_NOSUID, Control.NO_NEW_PRIVS) == "1000\n"
    for off in (Control.MOUNT_NOSUID, Control.NO_NEW_PRIVS):
        assert await printed(SET_UID, off) == "1001\n", off


@pytest.mark.parametrize("kept", [None, Control.BOUNDING_SET, Control.NO_NEW_PRIVS, Control.MOUNT_NOSUID])
async def test_files_with_capabilities_lend_none(bait: Path, kept: Control | None) -> None:
    """Any of three controls is enough."""
    shutil.copy("/usr/bin/chown", bait / "chown")
    os.setxattr(bait / "chown", "security.capability", FILE_CAPABILITY)
    off = {Control.BOUNDING_SET, Control.NO_NEW_PRIVS, Control.MOUNT_NOSUID} - {kept}
    assert ("SUCCESS" in await printed(CHOWN, *off)) == (kept is None)


@pytest.mark.parametrize("kept", [None, Control.TMP_NOSUID, Control.NO_NEW_PRIVS])
async def test_set_uid_files_in_tmp_lend_no_account(kept: Control | None) -> None:
    """Either of two controls is enough. Only the interactor of an interactive job has another uid there."""
    off = {Control.TMP_NOSUID, Control.NO_NEW_PRIVS} - {kept}
    assert await lent_uid("/tmp/id", *off) == ("1002" if kept is None else "1001")


BESIDE_TMP = (Control.ROOT_NOSUID, Control.ROOT_READONLY, Control.ROOT_MODE, Control.NO_NEW_PRIVS)


@pytest.mark.parametrize("kept", [None, *BESIDE_TMP])
async def test_set_uid_files_beside_tmp_lend_no_account(kept: Control | None) -> None:
    """Any of four controls is enough."""
    assert (await lent_uid("/id", *({*BESIDE_TMP} - {kept})) == "1002") == (kept is None)


async def lent_uid(place: str, *off: Control) -> str:
    """What a set-uid file of the interactor, of uid 1002, makes of the program; empty: there is none."""
    job = InteractiveJob(
        tree=SourceTree().with_files({"main.py": TAKE_UID.format(place=place)}),
        path="main.py",
        interactor=SourceTree().with_files({"main.py": LEND_UID.format(place=place)}),
        interactor_path="main.py",
    )
    try:
        async with WarmSandbox(WarmConfig(workers=1), unsafe_disabled=frozenset(off)) as sandbox:
            result = await sandbox.run(job)
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")
    return (result.verdict.cause + result.stdout.decode()).partition("uid ")[2][:4].strip()


async def test_processes_of_the_host_do_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    # The zygote's kill(-1) then reaches all of its uids: nobody else may have them.
    monkeypatch.setattr(warm, "_uids", lambda number: 1_900_000_000 + 64 * os.getpid() + 3 * number)
    look = f"import os\nprint('ATTEMPT')\nos.getsid({os.getpid()})\nprint('SUCCESS')\n"
    assert "SUCCESS" in await printed(look, Control.PID_NS)
    assert await printed(look) == "ATTEMPT\n"


@pytest.mark.parametrize("kept", [None, Control.IPC_NS, Control.FILTER_IPC])
async def test_memory_that_the_host_shares_is_out_of_reach(kept: Control | None) -> None:
    """Either of two controls is enough."""
    libc = ctypes.CDLL(None, use_errno=True)
    key = 0x51000000 + os.getpid()
    segment = libc.shmget(key, 4096, 0o1666)
    assert segment >= 0
    try:
        off = {Control.IPC_NS, Control.FILTER_IPC} - {kept}
        look = ATTACH.format(key=key)
        assert ("SUCCESS" in await printed(look, *off)) == (kept is None)
    finally:
        libc.shmctl(segment, 0, None)


async def test_the_host_s_environment_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clear it: whoever starts the zygote, and the zygote."""
    look = "import os\nprint(os.environ.get('HOSTILE_SECRET'))\n"
    monkeypatch.setenv("HOSTILE_SECRET", "SUCCESS")
    assert await printed(look, Control.ENVIRONMENT) == "None\n"
    start = subprocess.Popen
    with monkeypatch.context() as inherited:
        inherited.setattr(
            interpreter.subprocess,
            "Popen",
            lambda *args, env, **others: start(*args, env=os.environ | env, **others),
        )
        assert await printed(look, Control.ENVIRONMENT) == "SUCCESS\n"
        assert await printed(look) == "None\n"


async def test_memory_that_runs_out_costs_no_zygote() -> None:
    """The program is smaller than its zygote, and what fills the memory belongs to no process."""
    assert not await zygote_survives(FILL_TMP, Control.OOM_ORDER)
    assert await zygote_survives(FILL_TMP)


async def zygote_survives(source: str, *off: Control) -> bool:
    """A run out of memory; is the zygote that served it still there for the next?"""
    job = ProgramJob(tree=SourceTree().with_files({"main.py": source}), path="main.py")
    limits = Limits(memory_bytes=64 * MiB)
    try:
        async with WarmSandbox(WarmConfig(workers=1), unsafe_disabled=frozenset(off)) as sandbox:
            if not any(c.name == "memory_cgroup" and c.available for c in sandbox.info.capabilities):
                pytest.skip("no cgroup limits memory here")
            first = await sandbox.lend()
            sandbox._busy.discard(first)
            sandbox._idle.put(first)
            assert (await sandbox.run(job, limits)).verdict.outcome is Outcome.MEMORY_LIMIT
            return (await sandbox.lend()).pid == first.pid
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")


async def test_a_zygote_ends_with_its_keeper() -> None:
    """The host's end of its socket stays open, so that nothing else would end it."""
    assert await outlives_its_keeper(Control.PDEATHSIG)
    assert not await outlives_its_keeper()


async def outlives_its_keeper(*off: Control) -> bool:
    try:
        async with WarmSandbox(WarmConfig(workers=1), unsafe_disabled=frozenset(off)) as sandbox:
            lent = await sandbox.lend()
            assert lent.pid is not None
            zygote = the_child_of(lent.pid)
            os.kill(lent.pid, signal.SIGKILL)
            lives = await still_lives(zygote, 0.5 if off else 20.0)
            if lives:
                os.kill(zygote, signal.SIGKILL)
            return lives
    except TierUnavailable as missing:
        pytest.skip(f"this host cannot isolate: {missing}")


async def still_lives(pid: int, seconds: float) -> bool:
    for _ in range(int(seconds / 0.02)):
        if state_of(pid) in ("", "Z"):
            return False
        await asyncio.sleep(0.02)
    return True


def state_of(pid: int) -> str:
    """As `ps` shows it; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def the_child_of(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)
