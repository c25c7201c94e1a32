"""The zygote's own file tree: a read-only tmpfs with read-only binds of what an interpreter needs.

Nothing else of the host is reachable, /proc and /sys included. The interpreter keeps its path, so that
``sys.prefix`` stays true; a home of mode 0700 above it is replaced by an open directory of our own.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

from qlayer.sandbox.zygote import syscalls as sys
from qlayer.sandbox.zygote.protocol import ENVIRONMENT, HOST_NAME

_STAGING = "/proc"
"""An empty tmpfs covers it in the new mount namespace; no bind ever has its source there."""
_SYSTEM = ("/usr/bin", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/bin", "/lib", "/lib64")
_DEVICES = ("null", "zero", "full", "random", "urandom")
FILES = {
    "/etc/passwd": "zygote:x:1000:1000::/tmp:/bin/sh\ncandidate:x:1001:1001::/tmp:/bin/sh\n",
    "/etc/group": "zygote:x:1000:\ncandidate:x:1001:\n",
    "/etc/hosts": f"127.0.0.1 localhost {HOST_NAME}\n",
}
"""What a run sees of /etc, beside what its tools need."""
_KEEP = (os.ST_RDONLY, os.ST_NOSUID, os.ST_NODEV, os.ST_NOEXEC, os.ST_NOATIME, os.ST_NODIRATIME)
"""Flags that a less privileged namespace may not clear on a remount; the values equal those of MS_*."""
_BIND_FLAGS = {
    "mount_readonly": sys.MS_RDONLY,
    "mount_nosuid": sys.MS_NOSUID,
    "mount_nodev": sys.MS_NODEV,
}
_RELATIME = 0x1000
_MS_RELATIME = 0x200000


def enter(
    binds: list[tuple[str, str]],
    writable: Iterable[tuple[str, str]] = (),
    disabled: Collection[str] = (),
) -> None:
    """Make the own tree the root of this mount namespace and drop the old one. Needs CAP_SYS_ADMIN.

    `disabled` names flags that are left out (tests only).
    """
    flags = sum(flag for name, flag in _BIND_FLAGS.items() if name not in disabled)
    sys.mount("none", "/", None, sys.MS_REC | sys.MS_PRIVATE)
    mode = "777" if "root_mode" in disabled else "755"
    own = _own_flags("root", disabled)
    sys.mount("root", _STAGING, "tmpfs", own, f"size=4m,nr_inodes=4096,mode={mode}")
    for source, target in (*((path, path) for path in _SYSTEM), *binds):
        _expose(source, _STAGING + target, flags)
    for source, target in writable:
        os.makedirs(_STAGING + target, 0o755)
        _bind(source, _STAGING + target, sys.MS_NOSUID | sys.MS_NODEV)
    os.makedirs(_STAGING + ENVIRONMENT, 0o755, exist_ok=True)
    _devices()
    for path, text in FILES.items():
        _write(_STAGING + path, text)
    os.mkdir(_STAGING + "/tmp", 0o1777)
    os.chdir(_STAGING)
    sys.pivot_root(".", ".")
    sys.umount(".", sys.MNT_DETACH)
    os.chdir("/")
    if "root_readonly" not in disabled:
        sys.mount("root", "/", None, sys.MS_REMOUNT | sys.MS_RDONLY | own)


def fresh_tmp(size_bytes: int, inodes: int, disabled: Collection[str] = ()) -> None:
    """An empty /tmp, writable by all, that holds at most so much."""
    options = f"size={max(size_bytes, 4096)},nr_inodes={max(inodes, 16)},mode=1777"
    sys.mount("tmp", "/tmp", "tmpfs", _own_flags("tmp", disabled), options)


def _own_flags(name: str, disabled: Collection[str]) -> int:
    """Of a file system that is made here: no set-uid files, no devices."""
    lends = 0 if f"{name}_nosuid" in disabled else sys.MS_NOSUID
    return lends | (0 if f"{name}_nodev" in disabled else sys.MS_NODEV)


def _expose(path: str, target: str, flags: int) -> None:
    """Show a path of the host, read-only; a symbolic link is copied as such."""
    if os.path.lexists(target) or not os.path.lexists(path):
        return
    os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.mkdir(target, 0o755)
    else:
        _write(target, "")
    _bind(path, target, flags)


def _bind(source: str, target: str, flags: int) -> None:
    sys.mount(source, target, None, sys.MS_BIND | sys.MS_REC)
    present = os.statvfs(target).f_flag
    kept = sum(flag for flag in _KEEP if present & flag)
    if present & _RELATIME:
        kept |= _MS_RELATIME
    sys.mount("none", target, None, sys.MS_REMOUNT | sys.MS_BIND | kept | flags)


def _devices() -> None:
    os.mkdir(_STAGING + "/dev", 0o755)
    for name in _DEVICES:
        _write(f"{_STAGING}/dev/{name}", "")
        sys.mount(f"/dev/{name}", f"{_STAGING}/dev/{name}", None, sys.MS_BIND)
    # POSIX semaphores and shared memory live in the run's own /tmp and count there.
    os.symlink("/tmp", _STAGING + "/dev/shm")


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
