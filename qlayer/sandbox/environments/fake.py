"""Prepared packages for unit tests of other parts: an index that is a dictionary, folders that are empty."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qlayer.errors import DependencyError, NotFoundError
from qlayer.sandbox.environments.base import (
    EnvironmentId,
    Lock,
    Prepared,
    Progress,
    Step,
    Target,
    environment_id,
)


class FakeEnvironments:
    """Knows the packages it was given, ``{(name, version): {sha256 in hex, ...}}``, and fetches nothing."""

    def __init__(self, folder: Path, known: Mapping[tuple[str, str], set[str]]) -> None:
        self._folder = folder
        self._known = known
        self._prepared: dict[EnvironmentId, Prepared] = {}

    async def prepare(self, lock: Lock, progress: Progress | None = None) -> EnvironmentId:
        for done, pin in enumerate(lock.pins):
            if progress is not None:
                progress(Step(package=pin.name, done=done, of=len(lock.pins)))
            where = lock.where(pin.name)
            if not any(name == pin.name for name, _ in self._known):
                raise DependencyError(f"{where}: the index knows no package {pin.name!r}", field=where)
            if not self._known.get((pin.name, pin.version), set()) & set(pin.hashes):
                raise DependencyError(f"{where}: no wheel of {pin.name} has that hash", field=where)
        environment = environment_id(lock, Target(tags=("fake",)))
        self.path_of(environment).mkdir(parents=True, exist_ok=True)
        packages = tuple(f"{pin.name}=={pin.version}" for pin in lock.pins)
        now = datetime.now(UTC)
        self._prepared[environment] = Prepared(
            id=environment, packages=packages, files=len(packages), bytes=len(packages), used_at=now
        )
        return environment

    def path_of(self, environment: EnvironmentId) -> Path:
        return self._folder / environment.removeprefix("sha256:")

    def path(self, environment: EnvironmentId) -> Path:
        if environment not in self._prepared:
            raise NotFoundError(f"{environment} is not prepared here", kind="environment")
        return self.path_of(environment)

    def list(self) -> tuple[Prepared, ...]:
        return tuple(sorted(self._prepared.values(), key=lambda each: each.used_at, reverse=True))

    def prune(
        self, *, older_than: timedelta | None = None, keep_bytes: int | None = None
    ) -> tuple[Prepared, ...]:
        removed: list[Prepared] = []
        total = sum(each.bytes for each in self._prepared.values())
        for each in reversed(self.list()):
            too_old = older_than is not None and each.used_at < datetime.now(UTC) - older_than
            if too_old or (keep_bytes is not None and total > keep_bytes):
                del self._prepared[each.id]
                removed.append(each)
                total -= each.bytes
        return tuple(removed)
