"""The folder of prepared packages on disk: what a finished set looks like, and who is using it.

    <folder>/<64 hex digits>/site/...        the importable files, which `zygote.packages` shows
    <folder>/<64 hex digits>/manifest.json   what went in, each file's size, and a digest over all that
    <folder>/.locks/<64 hex digits>          held by the one process that builds it
    <folder>/.build-..., .trash-...          not finished, or not any more

A set appears by one rename, so half of one never does. Its manifest is locked (shared) by every run that uses
it; whoever wants to remove it needs the lock alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from qlayer.errors import NotFoundError, SandboxError
from qlayer.sandbox.environments.base import EnvironmentId, Prepared
from qlayer.sandbox.zygote.packages import SITE
from qlayer.sandbox.zygote.protocol import NO_ENVIRONMENT
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, digest_of

MANIFEST = "manifest.json"
LOCKS = ".locks"
BUILD, TRASH = ".build-", ".trash-"


class Manifest(Frozen):
    """The content of ``manifest.json``."""

    id: EnvironmentId
    packages: tuple[str, ...]
    sizes: dict[str, int]
    """Of every file below ``site``."""
    digest: Digest | None = None
    """Over all other fields."""

    def sealed(self) -> Manifest:
        return self.model_copy(update={"digest": self._own_digest()})

    @property
    def intact(self) -> bool:
        return self.digest == self._own_digest()

    def _own_digest(self) -> Digest:
        return digest_of(self.model_dump(mode="json", exclude={"digest"}))


def make_root(folder: Path) -> None:
    """Create the folder; zygotes of other uids must be able to pass it. Raises `SandboxError`."""
    try:
        (folder / LOCKS).mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    except OSError as error:
        raise SandboxError(f"the folder of prepared packages cannot be used: {error}") from None


def place(folder: Path, environment: EnvironmentId) -> Path:
    return folder / environment.removeprefix("sha256:")


def read(folder: Path, environment: EnvironmentId) -> Manifest | None:
    """The manifest of a set whose files are all there with their sizes; None when anything is not so."""
    where = place(folder, environment)
    try:
        manifest = Manifest.model_validate_json((where / MANIFEST).read_bytes())
        if manifest.id != environment or not manifest.intact:
            return None
        return manifest if sizes(where / SITE) == manifest.sizes else None
    except (OSError, ValidationError, SandboxError):
        return None


def sizes(site: Path) -> dict[str, int]:
    """Every file below, with its size. Raises `SandboxError` at anything but plain files and folders."""
    found: dict[str, int] = {}
    todo = [""]
    while todo:
        prefix = todo.pop()
        with os.scandir(site / prefix) as entries:
            for entry in entries:
                path = prefix + entry.name
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    todo.append(path + "/")
                elif stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                    found[path] = status.st_size
                else:
                    raise SandboxError(f"prepared packages hold {path!r}, which is no plain file")
    return dict(sorted(found.items()))


@contextmanager
def attached(folder: Path | None, digest: bytes) -> Iterator[None]:
    """Keep a set from being removed while a run uses it. Nothing to do without one.

    Raises `NotFoundError` when it is not there.
    """
    if digest == NO_ENVIRONMENT:
        yield
        return
    environment = EnvironmentId(f"sha256:{digest.hex()}")
    missing = NotFoundError(
        f"{environment} is not prepared here", kind="environment", hint="qlayer env prepare LOCKFILE"
    )
    if folder is None:
        raise missing
    try:
        fd = os.open(place(folder, environment) / MANIFEST, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise missing from None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        touch(fd)
    except BlockingIOError:  # it is being removed at this moment
        os.close(fd)
        raise missing from None
    try:
        yield
    finally:
        os.close(fd)


def touch(file: int | Path) -> None:
    """Note that it was used now; by the manifest's time. Another user's set is used without a note."""
    try:
        os.utime(file)
    except PermissionError:
        return


def describe(folder: Path) -> tuple[Prepared, ...]:
    """All finished sets, last used first. A damaged one is left out."""
    found: list[Prepared] = []
    for path in folder.glob("[0-9a-f]*/" + MANIFEST):
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
            used_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except (OSError, ValidationError):
            continue
        sizes = manifest.sizes.values()
        found.append(
            Prepared(
                id=manifest.id,
                packages=manifest.packages,
                files=len(sizes),
                bytes=sum(sizes),
                used_at=used_at,
            )
        )
    return tuple(sorted(found, key=lambda each: each.used_at, reverse=True))


def remove(folder: Path, environment: EnvironmentId) -> bool:
    """Take a set away, unless a run uses it. True when it is gone."""
    where = place(folder, environment)
    fd = -1
    try:
        fd = os.open(where / MANIFEST, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return False
    except FileNotFoundError:
        pass
    try:
        discard(where)
    finally:
        if fd >= 0:
            os.close(fd)
    return True


def discard(where: Path) -> None:
    """Out of sight with one rename, then deleted."""
    trash = Path(tempfile.mkdtemp(prefix=TRASH, dir=where.parent))
    if where.exists():
        where.rename(trash / where.name)
    shutil.rmtree(trash, ignore_errors=True)
