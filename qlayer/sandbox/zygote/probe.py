"""Finds out, in throw-away forks, what this host lets a sandbox do. Prints JSON and ends.

Runs in a fresh interpreter: the process that asks may have threads, and a fork of it would be unsafe.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable

from qlayer.sandbox.zygote import filters, syscalls
from qlayer.sandbox.zygote.keeper import write_file
from qlayer.sandbox.zygote.protocol import CANDIDATE_UID, ZYGOTE_UID


def main(first_uid: int) -> None:
    """Wait for a line on stdin (meanwhile the host moves this process into a cgroup), then probe all."""
    sys.stdin.readline()
    own = 0 if os.geteuid() == 0 else syscalls.CLONE_NEWUSER
    probes: dict[str, Callable[[], str]] = {
        "user_ns": lambda: _unshared(syscalls.CLONE_NEWUSER),
        "pid_ns": lambda: _unshared(own | syscalls.CLONE_NEWPID),
        "net_ns": lambda: _unshared(own | syscalls.CLONE_NEWNET),
        "mount_ns": lambda: _mounted(own | syscalls.CLONE_NEWNS),
        "seccomp": _filtered,
        "second_uid": lambda: _second_uid(first_uid),
        "landlock": _landlock,
    }
    print(json.dumps([[name, *_in_fork(probe)] for name, probe in probes.items()]))


def _in_fork(probe: Callable[[], str]) -> tuple[bool, str]:
    out, inner = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(inner, b"1" + probe().encode())
        except OSError as error:
            os.write(inner, b"0" + str(error).encode())
        os._exit(0)
    os.close(inner)
    answer = os.read(out, 4096)
    os.close(out)
    os.waitpid(pid, 0)
    return answer[:1] == b"1", answer[1:].decode() or "the probe was killed"


def _unshared(flags: int) -> str:
    syscalls.unshare(flags)
    return "unshare works" + (", in a user namespace" if flags & syscalls.CLONE_NEWUSER else "")


def _mounted(flags: int) -> str:
    syscalls.unshare(flags)
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("probe", "/proc", "tmpfs", syscalls.MS_NOSUID, "size=4096")
    return "tmpfs mounted in a new mount namespace"


def _filtered() -> str:
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.load_filter(filters.zygote_filter())
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    except PermissionError:
        return "the filter loads and refuses an internet socket"
    raise OSError("the filter loaded but refuses nothing")


def _second_uid(first_uid: int) -> str:
    if os.geteuid() != 0:
        raise OSError("only root may map a second uid")
    ready, ready_in = os.pipe()
    mapped, mapped_in = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            syscalls.unshare(syscalls.CLONE_NEWUSER)
            os.write(ready_in, b"1")
            os.read(mapped, 1)
            os.setresuid(CANDIDATE_UID, CANDIDATE_UID, CANDIDATE_UID)
        except OSError:
            os._exit(1)
        os._exit(0)
    os.close(ready_in)
    if not os.read(ready, 1):
        os.waitpid(pid, 0)
        raise OSError("no user namespace to map it in")
    write_file(f"/proc/{pid}/uid_map", f"{ZYGOTE_UID} {first_uid} 3")
    os.write(mapped_in, b"1")
    if os.waitpid(pid, 0)[1] != 0:
        raise OSError("the mapped uid cannot be taken")
    return f"uids {first_uid} to {first_uid + 2} can be mapped"


def _landlock() -> str:
    version = syscalls.raw("landlock_create_ruleset", None, 0, 1)
    return f"ABI {version}; not used by this backend"
