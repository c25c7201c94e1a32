"""Shows a run the one set of prepared packages that it asked for, and no run any other.

The host's folder of all sets is bound into the zygote's tree, read-only, and covered at once; only the zygote
holds a descriptor of what lies below the cover. A set costs one bind mount before its run and one unmount
after it; a run without one costs nothing.
"""

from __future__ import annotations

import os

from qlayer.sandbox.zygote import syscalls
from qlayer.sandbox.zygote.protocol import ENVIRONMENT

SITE = "site"
"""The folder of importable files in a set's own folder, whose name is the digest in hex."""
_ALL = "/opt/qlayer/environments"


def binds(folder: str) -> list[tuple[str, str]]:
    """What the zygote's tree needs of the host; nothing when no folder is configured."""
    return [(folder, _ALL)] if folder else []


def take(covered: bool = True) -> int:
    """A descriptor of the folder; from now on it is covered. In the final mount namespace only."""
    shelf = os.open(_ALL, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    if covered:
        # Its one inode is its root: nothing can be put there.
        syscalls.mount("cover", _ALL, "tmpfs", 0, "size=4096,nr_inodes=1,mode=555")
    return shelf


def show(shelf: int, digest: bytes) -> None:
    """Bind one set; it inherits read-only, nosuid and nodev. Raises OSError when it does not exist."""
    # A relative path from below the cover is the only way to it: a path from the root ends at the cover.
    os.fchdir(shelf)
    try:
        syscalls.mount(f"{digest.hex()}/{SITE}", ENVIRONMENT, None, syscalls.MS_BIND)
    finally:
        os.chdir("/")


def hide() -> None:
    """Undo `show`."""
    syscalls.umount(ENVIRONMENT, syscalls.MNT_DETACH)
