"""The outermost process of a zygote: starts it in its namespaces, outlives it, and cleans up after both.

It stays outside the namespaces' mounts and never sees a job. When the host process ends in any way, even by
SIGKILL, the keeper kills pid 1 of the namespace, and the kernel with it everything inside.
Run as ``python -s -P -S -B -c "...; from qlayer.sandbox.zygote.keeper import main; main(FD)"``.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import NoReturn

from qlayer.sandbox.zygote import pid1, syscalls
from qlayer.sandbox.zygote.protocol import FAILED, HOST_NAME, ZYGOTE_UID, Setup

_NAMESPACES = syscalls.CLONE_NEWPID | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
_SWITCHES = {
    "pid_ns": syscalls.CLONE_NEWPID,
    "net_ns": syscalls.CLONE_NEWNET,
    "ipc_ns": syscalls.CLONE_NEWIPC,
    "uts_ns": syscalls.CLONE_NEWUTS,
}
"""Controls that leave one out (tests only)."""
_REMOVE_TRIES = 100
Inner = Callable[[socket.socket, Setup, int, int], NoReturn]


def main(control_fd: int, inner: Inner = pid1.main) -> None:
    """Serve until the host is gone or the zygote has died. `inner` is what runs as process 1."""
    host = os.pidfd_open(os.getppid())
    control = socket.socket(fileno=control_fd)
    setup = Setup.from_bytes(control.recv(1 << 20))
    os.umask(0o022)
    # Steps 1 and 2 of docs/sandbox.md; `pid1` goes on with 3.
    try:
        _namespaces(setup)
    except OSError as error:
        control.send(FAILED + str(error).encode())
        return
    asks_out, asks_in = os.pipe()
    answers_out, answers_in = os.pipe()
    zygote = os.fork()
    if zygote == 0:
        os.close(asks_out)
        os.close(answers_in)
        inner(control, setup, asks_in, answers_out)
    for fd in (asks_in, answers_out):
        os.close(fd)
    control.close()
    _keep(zygote, host, asks_out, answers_in, setup)
    _remove(setup.cgroups)


def _namespaces(setup: Setup) -> None:
    if not setup.privileged:
        uid, gid = os.getuid(), os.getgid()
        syscalls.unshare(syscalls.CLONE_NEWUSER)
        write_file("/proc/self/setgroups", "deny")
        write_file("/proc/self/uid_map", f"{ZYGOTE_UID} {uid} 1")
        write_file("/proc/self/gid_map", f"{ZYGOTE_UID} {gid} 1")
    if "pid_ns" in setup.disabled and not setup.privileged:
        raise OSError("without pid_ns the clean-up would reach everything of the user's")
    off = sum(flag for name, flag in _SWITCHES.items() if name in setup.disabled)
    syscalls.unshare(_NAMESPACES & ~off)
    if "uts_ns" not in setup.disabled:
        socket.sethostname(HOST_NAME)


def _keep(zygote: int, host: int, asks: int, answers: int, setup: Setup) -> None:
    """Answer the zygote's two requests, then wait for the first death."""
    child = os.pidfd_open(zygote)
    poll = select.poll()
    for fd in (child, host, asks):
        poll.register(fd, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll()}
        if child in ready:
            os.waitpid(zygote, 0)
            return
        if host in ready:
            os.kill(zygote, signal.SIGKILL)
            os.waitpid(zygote, 0)
            return
        wish = os.read(asks, 1)
        if wish:
            os.write(answers, b"1" if _grant(wish, zygote, setup) else b"0")
        else:
            poll.unregister(asks)


def _grant(wish: bytes, zygote: int, setup: Setup) -> bool:
    try:
        if wish == b"u":
            # Zygote, candidate and tester. Host uid 0 is never mapped.
            for kind in ("uid", "gid"):
                write_file(f"/proc/{zygote}/{kind}_map", f"{ZYGOTE_UID} {setup.first_uid} 3")
        elif wish == b"c":
            for folder in setup.cgroups:
                write_file(f"{folder}/cgroup.procs", str(zygote))
    except OSError as error:
        print(f"keeper: {error}", file=sys.stderr)
        return False
    return True


def _remove(cgroups: list[str]) -> None:
    """The kernel lets go of the last process a moment after it was reaped."""
    for folder in cgroups:
        for _ in range(_REMOVE_TRIES):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
            if not os.path.exists(folder):
                break
            select.select([], [], [], 0.01)


def write_file(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
