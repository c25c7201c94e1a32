"""Controls that need a bait which the platform never lays out: mount flags, set-uid files, a dead keeper.

Each is first switched off to show that the attack then works.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qlayer.errors import TierUnavailable
from qlayer.sandbox import interpreter
from qlayer.sandbox.base import ProgramJob
from qlayer.sandbox.config import Control, WarmConfig
from qlayer.sandbox.warm import WarmSandbox
from qlayer.sandbox.warm.sandbox import _uids
from qlayer.types.source import SourceTree

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="baits of other accounts and devices need root")

INSIDE = "/opt/bait"
WRITE = f"open('{INSIDE}/planted', 'w').close()\nprint('SUCCESS')\n"
DEVICE = f"assert open('{INSIDE}/zero', 'rb').read(4) == bytes(4)\nprint('SUCCESS')\n"
SET_UID = f"import os\nos.execv('{INSIDE}/id', ['id', '-u'])\n"


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
