"""The docker image, built without a network from this installation: its interpreter, libraries and packages.

A tar with the outer tree and the jail (see `jail`), imported as it is. The same sources give the same key,
and an image with that key is used again.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from qlayer.sandbox import interpreter
from qlayer.sandbox.container import jail
from qlayer.sandbox.zygote.contained import JAIL

_TOOLS = """
    sh cat cp cut date dirname basename echo env expr false grep head id ls mkdir mv printf pwd rm rmdir sed
    sleep sort tail tee touch tr true uname uniq wc xargs
    """
_LEFT_OUT = {"site-packages", "test", "tests", "idlelib", "turtledemo", "ensurepip", "tkinter", "__pycache__"}
"""Folders of libraries that no program needs; caches differ in every build."""
_ENDINGS = (".a", ".pyc")
_LIBRARY = re.compile(rb"(/\S+) \(0x")
_LDD_TIMEOUT_S = 60.0
_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}


def key() -> str:
    """Names the image's contents: every file's path, size and time, and the zygote's own code."""
    digest = hashlib.sha256(b"2")
    for source, target in _sources():
        status = os.lstat(source)
        digest.update(f"{target}\0{status.st_mode}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    for path in jail.own_code():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def write(target: Path) -> None:
    """Write the tar. Raises OSError."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in jail.MOUNT_POINTS:
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o1777 if name.endswith("/tmp") else 0o755))
        for name, text in jail.FILES.items():
            _add_bytes(tar, name, text.encode())
        for name, minor in _DEVICES.items():
            device = _entry(f"jail/dev/{name}", tarfile.CHRTYPE, 0o666)
            device.devmajor, device.devminor = 1, minor
            tar.addfile(device)
        _add_link(tar, "jail/dev/shm", "/tmp")
        for path in jail.own_code():
            _add_bytes(
                tar, f"{jail.AGENT}/{path.relative_to(jail.PACKAGE.parent)}".lstrip("/"), path.read_bytes()
            )
        sources = _sources()
        for source, inside in sources:
            _add_file(tar, source, f"{JAIL}{inside}".lstrip("/"))
        for name, leads_to in jail.links([inside for _, inside in sources]):
            _add_link(tar, name, leads_to)


@cache
def _sources() -> tuple[jail.Shown, ...]:
    """Every file and link of the host that goes into the jail, each once."""
    found: dict[str, jail.Shown] = {}
    for source, target in _folders():
        for path in _files(Path(source)):
            inside = target + str(path)[len(source) :]
            found.setdefault(inside, jail.Shown(str(path), inside))
    programs = [Path(found_at) for name in _TOOLS.split() if (found_at := shutil.which(name))]
    compiled = [Path(shown.source) for shown in found.values() if ".so" in Path(shown.source).name]
    for path in [*programs, *_libraries([Path(interpreter.base_executable()), *programs, *compiled])]:
        for link_or_file in _chain(path):
            found.setdefault(str(link_or_file), jail.Shown(str(link_or_file), str(link_or_file)))
    for name in jail.SYSTEM_LINKS:
        if Path(name).is_symlink():
            found.setdefault(name, jail.Shown(name, name))
    return tuple(found[inside] for inside in sorted(found))


def _folders() -> Iterator[tuple[str, str]]:
    yield "/usr/share/zoneinfo", "/usr/share/zoneinfo"
    if sys.base_prefix == "/usr":
        library = f"/usr/lib/python{sys.version_info.major}.{sys.version_info.minor}"
        yield library, library
        yield interpreter.base_executable(), interpreter.base_executable()
    yield from interpreter.binds()


def _files(top: Path) -> Iterator[Path]:
    if not top.is_dir() or top.is_symlink():
        if os.path.lexists(top):
            yield top
        return
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(names):
            if not name.endswith(_ENDINGS):
                yield Path(folder, name)


def _libraries(binaries: list[Path]) -> list[Path]:
    """Shared libraries that they load, as the host's own loader finds them."""
    asked = ["ldd", *map(str, binaries)]
    done = subprocess.run(asked, capture_output=True, timeout=_LDD_TIMEOUT_S, check=False)
    paths = {os.fsdecode(path) for path in _LIBRARY.findall(done.stdout)}
    known = tuple(source for source, _ in interpreter.binds())
    return [Path(path) for path in sorted(paths) if not path.startswith(known)]


def _chain(path: Path) -> Iterator[Path]:
    """A file below its real folder, and whatever it links to, until the file itself."""
    while True:
        path = Path(os.path.realpath(path.parent), path.name)
        yield path
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()


def _add_file(tar: tarfile.TarFile, source: str, name: str) -> None:
    status = os.lstat(source)
    if stat.S_ISLNK(status.st_mode):
        _add_link(tar, name, str(Path(source).readlink()))
    elif stat.S_ISREG(status.st_mode):
        entry = _entry(name, tarfile.REGTYPE, 0o755 if status.st_mode & 0o100 else 0o644)
        entry.size = status.st_size
        with Path(source).open("rb") as file:
            tar.addfile(entry, file)


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = _entry(name, tarfile.REGTYPE, 0o644)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def _add_link(tar: tarfile.TarFile, name: str, leads_to: str) -> None:
    entry = _entry(name, tarfile.SYMTYPE, 0o777)
    entry.linkname = leads_to
    tar.addfile(entry)


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    """Owned by root, of no time: the same sources give the same bytes."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = kind, mode
    return entry
