"""Prepared packages on disk: looked up by digest, built once however many ask, removed when long unused."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qlayer.errors import DependencyError, NotFoundError, SandboxError, StoreFull
from qlayer.sandbox.environments import shelf
from qlayer.sandbox.environments.base import (
    EnvironmentId,
    Lock,
    Prepared,
    Progress,
    Target,
    environment_id,
)
from qlayer.sandbox.environments.builder import build
from qlayer.sandbox.environments.config import EnvironmentsConfig
from qlayer.sandbox.zygote.packages import SITE

_POLL_S = 0.05
_FULL = (errno.ENOSPC, errno.EDQUOT)


class CachedEnvironments:
    """`Environments` in one folder, which several processes may share."""

    def __init__(
        self,
        config: EnvironmentsConfig,
        target: Target | None = None,
        index: Callable[[EnvironmentsConfig], EnvironmentsConfig] | None = None,
    ) -> None:
        """`index` completes the configuration in a thread, once a build needs it: it may be slow.

        Raises `SandboxError` when the folder cannot be made.
        """
        self._config = config
        self._index = index
        self._folder = config.folder
        self._target = target or Target.here()
        shelf.make_root(self._folder)

    async def prepare(self, lock: Lock, progress: Progress | None = None) -> EnvironmentId:
        """See `Environments.prepare`."""
        limit = self._config.limits.packages
        if len(lock.pins) > limit:
            raise DependencyError(
                f"{lock.source} pins {len(lock.pins)} packages", field=lock.source, limit=f"packages={limit}"
            )
        environment = environment_id(lock, self._target)
        if await asyncio.to_thread(self._is_ready, environment):
            return environment
        async with self._alone(environment):
            if not await asyncio.to_thread(self._is_ready, environment):
                await self._build(environment, lock, progress)
        return environment

    def path(self, environment: EnvironmentId) -> Path:
        """See `Environments.path`."""
        where = shelf.place(self._folder, environment) / SITE
        if not where.is_dir():
            raise NotFoundError(f"{environment} is not prepared here", kind="environment")
        return where

    @property
    def folder(self) -> Path:
        """For `WarmConfig.environments`."""
        return self._folder

    @contextmanager
    def in_use(self, environment: EnvironmentId) -> Iterator[Path]:
        """Its `path`, which is not pruned meanwhile. Raises `NotFoundError`."""
        with shelf.attached(self._folder, bytes.fromhex(environment.removeprefix("sha256:"))):
            yield self.path(environment)

    def list(self) -> tuple[Prepared, ...]:
        """See `Environments.list`."""
        return shelf.describe(self._folder)

    def prune(
        self, *, older_than: timedelta | None = None, keep_bytes: int | None = None
    ) -> tuple[Prepared, ...]:
        """See `Environments.prune`."""
        self._sweep()
        kept = list(self.list())
        limit = datetime.now(UTC) - older_than if older_than is not None else None
        total = sum(each.bytes for each in kept)
        removed: list[Prepared] = []
        for each in reversed(kept):
            too_old = limit is not None and each.used_at < limit
            too_much = keep_bytes is not None and total > keep_bytes
            if (too_old or too_much) and shelf.remove(self._folder, each.id):
                removed.append(each)
                total -= each.bytes
        return tuple(removed)

    def _is_ready(self, environment: EnvironmentId) -> bool:
        if shelf.read(self._folder, environment) is None:
            return False
        shelf.touch(shelf.place(self._folder, environment) / shelf.MANIFEST)
        return True

    @asynccontextmanager
    async def _alone(self, environment: EnvironmentId) -> AsyncIterator[None]:
        """Hold the set's lock file: one build at a time among all processes; a death lets go of it."""
        path = self._folder / shelf.LOCKS / environment.removeprefix("sha256:")
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _broken(error) from None
        try:
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(_POLL_S)
            yield
        finally:
            os.close(fd)

    async def _build(self, environment: EnvironmentId, lock: Lock, progress: Progress | None) -> None:
        where = shelf.place(self._folder, environment)
        prefix = f"{shelf.BUILD}{where.name}-"
        # Ours is the lock: what lies here by that name is of a build that was killed.
        for stale in self._folder.glob(prefix + "*"):
            shutil.rmtree(stale, ignore_errors=True)
        try:
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self._folder))
        except OSError as error:
            raise _broken(error) from None
        try:
            config = await asyncio.to_thread(self._index, self._config) if self._index else self._config
            await build(config, lock, self._target, folder, progress)
            await asyncio.to_thread(self._publish, environment, lock, folder)
        except OSError as error:
            raise _broken(error) from None
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _publish(self, environment: EnvironmentId, lock: Lock, folder: Path) -> None:
        """Make it read-only for all, write it down to the disk, and let it appear with one rename."""
        site = folder / SITE
        sizes = shelf.sizes(site)
        limits = self._config.limits
        # Bytecode that was made is not in the build's own count: twice the limit is beyond any honest build.
        if sum(sizes.values()) > 2 * limits.installed_bytes or len(sizes) > 2 * limits.installed_files:
            raise SandboxError("the build left more than it may")
        manifest = shelf.Manifest(
            id=environment,
            packages=tuple(f"{pin.name}=={pin.version}" for pin in lock.pins),
            sizes=sizes,
        )
        (folder / shelf.MANIFEST).write_text(manifest.sealed().model_dump_json())
        _settle(folder)
        where = shelf.place(self._folder, environment)
        if where.exists():  # damaged, or it would have been used
            shelf.discard(where)
        folder.rename(where)
        _flush(self._folder)

    def _sweep(self) -> None:
        """Remove what killed processes left, where no other one works at it."""
        for path in self._folder.glob(shelf.TRASH + "*"):
            shutil.rmtree(path, ignore_errors=True)
        for path in self._folder.glob(shelf.BUILD + "*"):
            name = path.name.removeprefix(shelf.BUILD).partition("-")[0]
            with (self._folder / shelf.LOCKS / name).open("a") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                shutil.rmtree(path, ignore_errors=True)


def _settle(folder: Path) -> None:
    """Ours, readable by all, writable by none but us, and on the disk."""
    for path in [*folder.rglob("*"), folder]:
        os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
        path.chmod(0o755 if path.is_dir() else 0o644)
        _flush(path)


def _flush(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _broken(error: OSError) -> Exception:
    if error.errno in _FULL:
        return StoreFull("no space is left for the packages", hint="qlayer env prune, or free some space")
    return SandboxError(f"the folder of prepared packages cannot be used: {error}")
