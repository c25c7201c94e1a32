"""The zygote as process 1 of a container: docker or gVisor have put up the walls, the loop is the same.

What is left to do here is what `pid1` does after its own walls stand: step into the jail folder (a tree
without /proc, /sys and the runtime's devices), import, harden, and fork one child per run. Started as
``python -s -P -S -B -X utf8 -c "...; main(ADDRESS, SCRATCH)"``.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import stat
import struct
import sys
from typing import NoReturn, Protocol

from qlayer.sandbox.zygote import child, filters, pid1, syscalls
from qlayer.sandbox.zygote.protocol import FAILED, READY, RUN, Ending, Order, Setup

JAIL = "/jail"
"""Where the container's own tree holds the one that a run sees."""
STDIN = ""
"""The address that means: the control socket is descriptor 0."""
EMPTIED, MOUNTED = "emptied", "mounted"
"""How a run's /tmp is made fresh: emptied after it (docker lends no right to mount), or mounted before it."""
TASKS = struct.Struct("<I")
"""Follows an ending that comes from a container without a pids cgroup: tasks seen at once above the limit."""

_SAMPLE_MS = 2
_ROUNDED_UP = 1 << 20
"""The most that docker's /tmp is larger than the order says."""
_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
"""Minor numbers below major 1 (linux/Documentation/admin-guide/devices.txt)."""


class Scratch(Protocol):
    """The /tmp of runs."""

    def fresh(self, order: Order) -> Order:
        """Make it ready; the order, fitted to it."""
        ...

    def drop(self) -> None: ...


def main(address: str, scratch: str) -> NoReturn:
    """Never returns: ends with the host's end of the control socket."""
    control = _connected(address)
    setup = Setup.from_bytes(control.recv(1 << 20))
    try:
        proc = _set_up(setup, scratch)
    except (OSError, ImportError) as error:
        control.send(FAILED + f"{type(error).__name__}: {error}".encode()[:2000])
        os._exit(1)
    control.send(READY)
    _serve(control, setup, proc, scratch)


def _connected(address: str) -> socket.socket:
    if address != STDIN:
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.connect(address)
        return control
    fd = os.dup(0)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    return socket.socket(fileno=fd)


def _set_up(setup: Setup, scratch: str) -> int:
    """Returns a descriptor of this container's /proc, which no child keeps."""
    os.umask(0o022)
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    if scratch == MOUNTED:
        _make_devices(f"{JAIL}/dev")
    os.chroot(JAIL)
    os.chdir("/")
    sys.path[:] = setup.sys_path
    for name in setup.imports:
        importlib.import_module(name)
    child.forget_platform_modules()
    os.setgroups([])
    _harden()
    child.prepare()
    gc.collect()
    gc.freeze()
    gc.disable()
    return proc


def _make_devices(folder: str) -> None:
    """gVisor's own devices, which no host path can stand for."""
    for name, minor in _DEVICES.items():
        os.mknod(f"{folder}/{name}", 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        os.chmod(f"{folder}/{name}", 0o666)
    os.symlink("/tmp", f"{folder}/shm")


def _harden() -> None:
    # As `pid1` does, less what the runtime has done: the bounding set, and an end together with the parent.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.load_filter(filters.zygote_filter())


def _serve(control: socket.socket, setup: Setup, proc: int, scratch: str) -> NoReturn:
    tmp: Scratch = _Mounted() if scratch == MOUNTED else _Emptied()
    while True:
        packet, fds, _, _ = socket.recv_fds(control, 4096, 8)
        if not packet:
            os._exit(0)
        if packet[:1] != RUN:
            continue
        order = tmp.fresh(Order.from_bytes(packet))
        if scratch == MOUNTED:
            sampled = _SampledRun(control, setup, order, proc)
            answer = sampled.to_its_end(fds).to_bytes() + TASKS.pack(sampled.above)
        else:
            answer = pid1._Run(control, setup, order, proc).to_its_end(fds).to_bytes()
        # Before the ending is told: what lay there counts as memory of the group until now.
        tmp.drop()
        control.send(answer)


class _Mounted:
    """A new tmpfs for each run. gVisor takes no limit on inodes: they count as memory."""

    def fresh(self, order: Order) -> Order:
        flags = syscalls.MS_NOSUID | syscalls.MS_NODEV
        syscalls.mount("tmp", "/tmp", "tmpfs", flags, f"size={max(order.tmp_bytes, 4096)},mode=1777")
        return order

    def drop(self) -> None:
        syscalls.umount("/tmp", syscalls.MNT_DETACH)


class _Emptied:
    """One tmpfs for all runs of a container, its size given by docker; emptied by a child after each run."""

    def fresh(self, order: Order) -> Order:
        # It is empty already. Its size was rounded up: let a program find it full, not one file too long.
        return order._replace(file_bytes=order.file_bytes + _ROUNDED_UP)

    def drop(self) -> None:
        # In a child: names that a run chose must not be in the memory that the next is forked from.
        pid = syscalls.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                empty("/tmp")
                os._exit(0)
            os._exit(1)
        if os.waitpid(pid, 0)[1] != 0:
            os._exit(1)  # a container that cannot be cleaned serves nobody again


def empty(folder: str) -> None:
    """Remove everything in a folder, however deep it lies, in constant depth: inner folders are moved up."""
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    prefix, moved = os.urandom(12).hex(), 0
    while names := os.listdir(top):
        for name in names:
            if _unlinked(name, top):
                continue
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
            for below in os.listdir(inner):
                if not _unlinked(below, inner):
                    os.rename(below, f"{prefix}{moved}", src_dir_fd=inner, dst_dir_fd=top)
                    moved += 1
            os.close(inner)
            os.rmdir(name, dir_fd=top)
    os.close(top)


def _unlinked(name: str, folder: int) -> bool:
    """False for a folder."""
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        return False
    return True


class _SampledRun(pid1._Run):
    """A run below gVisor, whose kernel has neither pidfds nor a counter of refused forks.

    RLIMIT_NPROC grants one task more than the limit; a sample that sees it in use ends the run.
    """

    above = 0

    def to_its_end(self, fds: list[int]) -> Ending:
        ending = super().to_its_end(fds)
        # No inodes are counted here: zero free ones mean nothing.
        return ending._replace(disk_full=os.statvfs("/tmp").f_bavail == 0)

    def _wait(self, main: int) -> None:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        while self._status is None:
            if poll.poll(_SAMPLE_MS):
                self._obey(main)
            self._sample()
            if not self._reap(main) and (self.above or not self._left_us()):
                self._kill_all(main)

    def _sample(self) -> None:
        # As for a pids cgroup: the platform's own processes are counted, and granted.
        self.above = max(self.above, syscalls.tasks() - self._order.processes)
