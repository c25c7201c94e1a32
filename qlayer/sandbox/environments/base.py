"""What a lock is, what identifies the packages made from it, and the one interface to get them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NewType, Protocol

from packaging.tags import sys_tags
from pydantic import Field

from qlayer.types.frozen import Frozen
from qlayer.types.ids import digest_of

EnvironmentId = NewType("EnvironmentId", str)
"""``sha256:...`` of the sorted pins with their hashes, the interpreter's tag and the platform's."""


class Pin(Frozen):
    """One package, of one version, as one of some wheels."""

    name: str
    """Normalised: lower case, single hyphens."""
    version: str
    hashes: tuple[str, ...] = Field(min_length=1)
    """SHA-256 in hex, sorted: the files that may be taken."""
    line: int | None = Field(default=None, exclude=True)
    """1-based, in the lock."""


class Lock(Frozen):
    """All packages of a project, pinned. Made by `qlayer.sandbox.environments.parse`."""

    source: str
    """The file's name, for errors."""
    pins: tuple[Pin, ...]

    def where(self, name: str) -> str:
        """The file, and the line where it is known, that pins this package."""
        lines = [pin.line for pin in self.pins if pin.name == name and pin.line is not None]
        return f"{self.source}:{lines[0]}" if lines else self.source


class Target(Frozen):
    """The interpreter that packages are prepared for."""

    tags: tuple[str, ...]
    """Of wheels that it can use, best first, for example ``cp311-cp311-manylinux_2_36_x86_64``."""

    @property
    def best(self) -> str:
        """Names the interpreter and the platform."""
        return self.tags[0]

    @classmethod
    def here(cls) -> Target:
        return cls(tags=tuple(str(tag) for tag in sys_tags()))


def environment_id(lock: Lock, target: Target) -> EnvironmentId:
    """The same for the same pins in any order and with any comments; another for another interpreter."""
    pins = sorted([pin.name, pin.version, *sorted(pin.hashes)] for pin in lock.pins)
    return EnvironmentId(digest_of({"pins": pins, "target": target.best}))


class Step(Frozen):
    """How far a build is."""

    package: str
    done: int
    of: int


Progress = Callable[[Step], None]


class Prepared(Frozen):
    """What is known of one prepared set of packages."""

    id: EnvironmentId
    packages: tuple[str, ...]
    """``name==version``, sorted."""
    files: int
    bytes: int
    """Of all files, as they are long."""
    used_at: datetime
    """When it was last made, asked for or given to a run."""


class Environments(Protocol):
    """Sets of prepared packages. Safe for several processes at once on one folder."""

    async def prepare(self, lock: Lock, progress: Progress | None = None) -> EnvironmentId:
        """The packages of this lock, built if they are not there yet.

        Raises `DependencyError` (the lock cannot be had as it says), `IndexUnavailable` (try again),
        `ConfigurationError` (no index, or one that sends elsewhere), `SandboxError`, `StoreFull`.
        """
        ...

    def path(self, environment: EnvironmentId) -> Path:
        """The folder with the importable files. Raises `NotFoundError`."""
        ...

    def list(self) -> tuple[Prepared, ...]:
        """All that are there, last used first."""
        ...

    def prune(
        self, *, older_than: timedelta | None = None, keep_bytes: int | None = None
    ) -> tuple[Prepared, ...]:
        """Remove what was not used for so long, then the oldest until at most so much is left.

        What a run is using, or what is being built, stays. Returns what was removed.
        """
        ...
