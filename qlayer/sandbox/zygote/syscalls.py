"""The system calls that Python does not offer, through ctypes, each raising OSError with its name.

Constants are those of the Linux headers. Calls keep the GIL (`PyDLL`): the zygote has one thread, and a fork
made while the GIL is released would leave the child without it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.PyDLL(None, use_errno=True)
_libc.mount.argtypes = (
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
)
_libc.prctl.argtypes = (ctypes.c_int,) + (ctypes.c_ulong,) * 4
_bare_fork = getattr(_libc, "_Fork", None)
_NUMBERS = {
    "x86_64": {"pivot_root": 155, "capset": 126, "landlock_create_ruleset": 444},
    "aarch64": {"pivot_root": 41, "capset": 91, "landlock_create_ruleset": 444},
}


def _done(result: int, name: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def number(name: str) -> int:
    """The number of a system call on this machine. Raises OSError where qlayer does not know it."""
    try:
        return _NUMBERS[os.uname().machine][name]
    except KeyError:
        raise OSError(38, f"{name}: not known on {os.uname().machine}") from None


def raw(name: str, *args: object) -> int:
    return _done(_libc.syscall(ctypes.c_long(number(name)), *args), name)


def fork() -> int:
    """libc's `_Fork`: like os.fork without Python's and libc's hooks, which touch some 190 pages.

    `random` is therefore not reseeded in the child, which makes runs reproducible. A glibc before 2.34 lacks
    it; then os.fork does.
    """
    return _done(_bare_fork(), "fork") if _bare_fork is not None else os.fork()


def unshare(flags: int) -> None:
    _done(_libc.unshare(ctypes.c_int(flags)), f"unshare({flags:#x})")


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    result = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        flags,
        options.encode() if options else None,
    )
    _done(result, f"mount({target})")


def umount(target: str, flags: int = 0) -> None:
    _done(_libc.umount2(target.encode(), ctypes.c_int(flags)), f"umount({target})")


def pivot_root(new_root: str, put_old: str) -> None:
    raw("pivot_root", new_root.encode(), put_old.encode())


def prctl(option: int, a: int = 0, b: int = 0) -> None:
    _done(_libc.prctl(option, a, b, 0, 0), f"prctl({option})")


def drop_capabilities() -> None:
    """Empty every capability set of the calling thread."""
    header = struct.pack("II", _CAPABILITY_VERSION_3, 0)
    raw("capset", header, bytes(24))
    try:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    except OSError as error:
        if error.errno != errno.EINVAL:  # gVisor has no ambient set that could hold anything
            raise


def load_filter(program: bytes) -> None:
    """Put a seccomp program in force, for good. Needs no_new_privs."""
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    buffer = ctypes.create_string_buffer(header, len(header))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(buffer))


def tasks() -> int:
    """Threads of all processes that the kernel knows: those of this sandbox, where the kernel is gVisor's."""
    info = ctypes.create_string_buffer(128)
    _done(_libc.sysinfo(info), "sysinfo")
    return int(struct.unpack_from("H", info, 80)[0])
