"""Opens a path beneath a folder and never leaves it: no link, no mount, no ``..`` on the way.

The kernel's openat2 (Linux 5.6) does it in one step. Where it is missing or filtered, the path is walked part
by part without following links, which is the same as long as nobody changes the tree meanwhile.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import struct

_OPENAT2 = 437
"""The same number on every architecture (linux/unistd.h)."""
_NO_XDEV, _NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x01, 0x02, 0x04, 0x08
_RESOLVE = _NO_XDEV | _NO_MAGICLINKS | _NO_SYMLINKS | _BENEATH
_ALWAYS = os.O_CLOEXEC | os.O_NOFOLLOW
_HOW = struct.Struct("QQQ")

_libc = ctypes.CDLL(None, use_errno=True)


def open_beneath(folder: int, path: str, flags: int) -> int:
    """A descriptor of `path` below the folder's descriptor.

    Raises OSError: ELOOP for a link anywhere on the way, EXDEV for a way out or another file system, ENOENT.
    """
    try:
        return _openat2(folder, path, flags | _ALWAYS)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
    return walk_beneath(folder, path, flags | _ALWAYS)


def _openat2(folder: int, path: str, flags: int) -> int:
    how = _HOW.pack(flags, 0, _RESOLVE)
    name = os.fsencode(path)
    fd: int = _libc.syscall(
        ctypes.c_long(_OPENAT2), ctypes.c_int(folder), name, how, ctypes.c_size_t(_HOW.size)
    )
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return fd


def walk_beneath(folder: int, path: str, flags: int) -> int:
    """As `open_beneath`, for kernels without openat2."""
    *above, last = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in (*above, last)):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
    with contextlib.ExitStack() as opened:
        device = os.fstat(folder).st_dev
        at = folder
        for part in above:
            at = _same_device(_open_part(part, os.O_PATH | os.O_DIRECTORY | _ALWAYS, at), device)
            opened.callback(os.close, at)
        return _same_device(_open_part(last, flags | _ALWAYS, at), device)


def _open_part(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except NotADirectoryError:
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name) from None
        raise


def _same_device(fd: int, device: int) -> int:
    if os.fstat(fd).st_dev != device:
        os.close(fd)
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    return fd
