"""A capsule as a folder: the project's files, and the manifest in ``.qlayer/manifest.json``.

A folder appears whole or not at all. Nothing here follows a symbolic link, and no file is made executable.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from types import MappingProxyType

from qlayer.errors import InputError, StoreError, StoreFull
from qlayer.types.capsule import CapsuleManifest
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId, canonical_json
from qlayer.types.source import SourceTree

OWN_FOLDER = ".qlayer"
MANIFEST_PATH = f"{OWN_FOLDER}/manifest.json"

MAX_FILE_BYTES = 256 * 1024 * 1024
"""A larger file is no file of a capsule's project."""

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


class Exported(Frozen):
    """Where a capsule lies now."""

    capsule: CapsuleId
    path: Path
    files: int
    bytes: int


def write_folder(
    manifest: CapsuleManifest,
    tree: SourceTree,
    destination: Path,
    *,
    force: bool,
    sidecars: Mapping[str, bytes] = MappingProxyType({}),
) -> Exported:
    """Write the capsule to `destination`, which must be missing or empty.

    `sidecars` lie beside the manifest: what was signed. With `force` an earlier export that lies there is
    replaced as a whole; any other folder is refused still.
    Raises `InputError`, `StoreFull`, `StoreError`.
    """
    content = {**tree.files, **sidecars, MANIFEST_PATH: canonical_json(manifest)}
    target = written_whole(content, destination, replace=_check_export if force else None)
    size = sum(len(data) for data in tree.files.values())
    return Exported(capsule=manifest.id, path=target, files=len(tree.files), bytes=size)


def written_whole(
    content: Mapping[str, bytes], destination: Path, *, replace: Callable[[Path], None] | None = None
) -> Path:
    """Write files (tree path -> bytes) to a folder that is missing or empty; where it lies now.

    `replace` may let a folder be replaced that is neither: it raises `InputError` for one that must stay.
    Raises `InputError`, `StoreFull`, `StoreError`.
    """
    target = destination.absolute()
    with _explained(target):
        _check_destination(target, replace)
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(mkdtemp(dir=target.parent, prefix=f".{target.name}.qlayer-"))
        try:
            fresh = work / "fresh"
            for path, data in content.items():
                _write_file(fresh / path, data)
            _put_in_place(fresh, target, work / "replaced")
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return target


def regular_files(folder: Path) -> Iterator[str]:
    """Every path below `folder` that is not a directory, as a tree path; links are named, not followed."""
    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in sorted((*files, *links)):
            yield (here / name).relative_to(folder).as_posix()


def read_regular(folder: Path, path: str, limit: int = MAX_FILE_BYTES) -> bytes | None:
    """The bytes of a file in `folder`; None when it is missing, no regular file, or below a symbolic link.

    One of more than `limit` bytes is not read either.
    """
    here = folder
    for part in Path(path).parts:
        here = here / part
        if here.is_symlink():
            return None
    try:
        descriptor = os.open(here, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
            return None
        data = stream.read(limit + 1)
        return data if len(data) <= limit else None


def _check_destination(target: Path, replace: Callable[[Path], None] | None) -> None:
    if target.is_symlink():
        raise InputError(f"{target} is a symbolic link; give the folder itself", field="destination")
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target} is not a folder", field="destination")
    if not any(target.iterdir()):
        return
    if replace is None:
        raise InputError(
            f"{target} is not empty", field="destination", hint="give a new folder, or use --force"
        )
    replace(target)


def _check_export(target: Path) -> None:
    if read_regular(target, MANIFEST_PATH) is None:
        raise InputError(
            f"{target} is not an exported capsule, so it is not replaced",
            field="destination",
            hint="give a new folder",
        )


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, _CREATE, 0o644), "wb") as stream:
        stream.write(data)


def _put_in_place(fresh: Path, target: Path, replaced: Path) -> None:
    """Rename `fresh` to `target`. A folder that must go is moved to `replaced` first, and back on failure."""
    if not target.exists() or not any(target.iterdir()):
        fresh.rename(target)
        return
    target.rename(replaced)
    try:
        fresh.rename(target)
    except OSError:
        replaced.rename(target)
        raise


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(
                f"no space left for {target}; nothing was half-written",
                hint="free some space and export again",
            ) from error
        raise StoreError(f"{target} cannot be written: {error.strerror or error}") from error
