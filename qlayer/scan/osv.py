"""Advisories about packages in the OSV format, and whether one is about a version.

Format and matching: https://ossf.github.io/osv-schema/ (1.7). Read are the ecosystems PyPI and npm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import semver
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion
from packaging.version import Version as PythonVersion
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qlayer.types.finding import Severity
from qlayer.types.ids import Digest, digest_of, sha256

ECOSYSTEMS = {"PyPI": "pypi", "npm": "npm"}
"""OSV's names and those of package URLs."""
_SEVERITIES = {
    "LOW": Severity.LOW,
    "MODERATE": Severity.MEDIUM,
    "MEDIUM": Severity.MEDIUM,
    "HIGH": Severity.HIGH,
    "CRITICAL": Severity.CRITICAL,
}


class _Osv(BaseModel):
    """What is read of an entry; the format has more, and adds to it."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(_Osv):
    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class Range(_Osv):
    type: Literal["ECOSYSTEM", "SEMVER", "GIT"]
    events: tuple[Event, ...]


class Package(_Osv):
    ecosystem: str
    name: str


class Affected(_Osv):
    package: Package | None = None
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()


class Weight(_Osv):
    severity: str = ""


class Advisory(_Osv):
    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    withdrawn: str | None = None
    affected: tuple[Affected, ...] = ()
    database_specific: Weight = Field(default=Weight())

    @property
    def severity(self) -> Severity:
        """One that does not say how bad it is counts as high."""
        return _SEVERITIES.get(self.database_specific.severity.upper(), Severity.HIGH)

    def about(self, ecosystem: str, name: str) -> tuple[Affected, ...]:
        return tuple(one for one in self.affected if one.package and _key(one.package) == (ecosystem, name))


class Advisories(NamedTuple):
    """Those of some folders, by the package that they are about."""

    of: Mapping[tuple[str, str], tuple[Advisory, ...]]
    entries: int
    digest: Digest
    unreadable: tuple[str, ...]
    """Names of files that are no OSV entry."""


def load(folders: Iterable[Path]) -> Advisories:
    """Every ``*.json`` below the folders. Read once as long as no file's size and time change."""
    files = sorted(file for folder in folders for file in folder.rglob("*.json"))
    return _loaded(tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files))


@lru_cache(maxsize=4)
def _loaded(files: tuple[tuple[Path, int, int], ...]) -> Advisories:
    found: dict[str, Advisory] = {}
    digests, unreadable = [], []
    for file, _, _ in files:
        data = file.read_bytes()
        digests.append(sha256(data))
        try:
            advisory = Advisory.model_validate_json(data)
        except ValidationError:
            unreadable.append(file.name)
            continue
        if advisory.withdrawn is None:
            found[advisory.id] = advisory
    of: dict[tuple[str, str], list[Advisory]] = {}
    for advisory in found.values():
        for key in {_key(one.package) for one in advisory.affected if one.package}:
            of.setdefault(key, []).append(advisory)
    sorted_of = {key: tuple(sorted(some, key=lambda one: one.id)) for key, some in of.items()}
    return Advisories(sorted_of, len(found), digest_of(sorted(digests)), tuple(unreadable))


def affects(affected: Affected, ecosystem: str, version: str) -> bool:
    """Whether a version lies in what an entry calls affected. Raises ValueError when it cannot be told."""
    if version in affected.versions:
        return True
    ranges = [one for one in affected.ranges if one.type != "GIT"]
    if not ranges and not affected.versions:
        raise ValueError("it speaks of commits alone")
    return any(_inside(one, ecosystem, version) for one in ranges)


def fixes(affected: Affected) -> tuple[str, ...]:
    """The versions that ended it."""
    return tuple(event.fixed for one in affected.ranges for event in one.events if event.fixed)


def _inside(one: Range, ecosystem: str, version: str) -> bool:
    """OSV's own algorithm: of the events up to the version the last one decides."""
    mine = _ordered(ecosystem, version)
    vulnerable = False
    for event in sorted(one.events, key=lambda event: _ordered(ecosystem, _of(event))):
        at = _ordered(ecosystem, _of(event))
        if event.introduced is not None and mine >= at:
            vulnerable = True
        elif event.introduced is not None:
            continue
        elif (event.last_affected is None and mine >= at) or (event.last_affected and mine > at):
            vulnerable = False
    return vulnerable


def _of(event: Event) -> str:
    return event.introduced or event.fixed or event.last_affected or event.limit or "0"


def _ordered(ecosystem: str, version: str) -> Any:
    """Comparable with others of its ecosystem. Raises ValueError for what is no version there."""
    if ecosystem == "pypi":
        try:
            return PythonVersion(version)
        except InvalidVersion as error:
            raise ValueError(str(error)) from None
    return semver.Version.parse(version, optional_minor_and_patch=True)


def _key(package: Package) -> tuple[str, str]:
    ecosystem = ECOSYSTEMS.get(package.ecosystem.partition(":")[0], package.ecosystem)
    return ecosystem, canonicalize_name(package.name) if ecosystem == "pypi" else package.name
