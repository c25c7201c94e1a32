"""Reads lock files: pinned requirements with hashes, and pylock.toml (PEP 751).

Strict on purpose: what is not a pin with a hash is refused with its line, because everything that this
accepts is fetched and shown to a program. Locks of other tools are refused with the command that exports
them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath

from packaging.pylock import (
    Package,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockSelectError,
    PylockUnsupportedVersionError,
    PylockValidationError,
)
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from qlayer.errors import DependencyError
from qlayer.sandbox.environments.base import Lock, Pin
from qlayer.types.source import SourceTree

MAX_BYTES = 2 * 1024 * 1024
MAX_PINS = 2_000
_NAMES = ("pylock.toml", "requirements.lock", "requirements.txt")
"""Where a project's lock is looked for, best first."""
_HASH = re.compile(r"--hash[= ](\S+)")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}\Z")
_FOREIGN = {
    "uv.lock": "uv export --format requirements.txt -o requirements.lock",
    "poetry.lock": "poetry export -f requirements.txt -o requirements.lock",
    "Pipfile.lock": "pipenv requirements --hash > requirements.lock",
}


def find_lock(tree: SourceTree) -> Lock | None:
    """The lock in a project's root. A requirements.txt without any hash is a wish list, not a lock: None.

    Raises `DependencyError`.
    """
    for name in _NAMES:
        data = tree.files.get(name)
        if data is not None and (name != "requirements.txt" or b"--hash" in data):
            return parse_lock(name, data)
    return None


def parse_lock(source: str, data: bytes) -> Lock:
    """A lock from a file's name and bytes. Raises `DependencyError` naming file and line."""
    name = PurePosixPath(source).name
    if name in _FOREIGN:
        raise DependencyError(f"{name} is not read here", field=source, hint=f"export it: {_FOREIGN[name]}")
    if len(data) > MAX_BYTES:
        raise DependencyError(
            f"{name} has {len(data)} bytes", field=source, limit=f"{MAX_BYTES} bytes in a lock"
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise DependencyError(f"{name} is not UTF-8: {error}", field=source) from None
    is_pylock = name.startswith("pylock.") and name.endswith(".toml")
    pins = tuple(_pylock(source, text) if is_pylock else _requirements(source, text))
    if len(pins) > MAX_PINS:
        raise DependencyError(
            f"{name} pins {len(pins)} packages", field=source, limit=f"{MAX_PINS} packages in a lock"
        )
    _refuse_doubles(source, pins)
    return Lock(source=source, pins=tuple(sorted(pins, key=lambda pin: pin.name)))


def _refuse_doubles(source: str, pins: tuple[Pin, ...]) -> None:
    seen: set[str] = set()
    for pin in pins:
        if pin.name in seen:
            raise _refused(source, pin.line, f"{pin.name} is pinned twice")
        seen.add(pin.name)


def _requirements(source: str, text: str) -> Iterator[Pin]:
    for line, logical in _logical_lines(text):
        if logical.startswith("-"):
            option = logical.split("=")[0].split()[0]
            raise _refused(source, line, f"the option {option} is not allowed in a lock, only --hash is")
        pin = _pin(source, line, logical)
        if pin is not None:
            yield pin


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines joined at backslashes, without comments, each with the number of its first line."""
    parts: list[str] = []
    first = 1
    for number, raw in enumerate(text.splitlines(), 1):
        if not parts:
            first = number
        line = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        parts.append(line.removesuffix("\\"))
        if line.endswith("\\"):
            continue
        if joined := " ".join(parts).strip():
            yield first, joined
        parts = []
    if joined := " ".join(parts).strip():
        yield first, joined


def _pin(source: str, line: int, text: str) -> Pin | None:
    """None when its marker says that it is not for this interpreter."""
    bare = _HASH.sub("", text).strip()
    if option := re.search(r"(?:^|\s)(--?[A-Za-z][\w-]*)", bare):
        raise _refused(source, line, f"the option {option[1]} is not allowed in a lock, only --hash is")
    try:
        requirement = Requirement(bare)
    except InvalidRequirement:
        hint = "write name==version; addresses, folders and version control are not taken"
        raise _refused(source, line, f"{bare[:80]!r} is not a pinned requirement", hint) from None
    if requirement.url is not None:
        raise _refused(source, line, f"{requirement.name} comes from an address; only the index is used")
    version = _version(source, line, requirement)
    hashes = _hashes(source, line, requirement.name, _HASH.findall(text))
    if requirement.marker is not None and not requirement.marker.evaluate():
        return None
    return Pin(name=canonicalize_name(requirement.name), version=version, hashes=hashes, line=line)


def _version(source: str, line: int, requirement: Requirement) -> str:
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator != "==" or specifiers[0].version.endswith(".*"):
        raise _refused(source, line, f"{requirement.name} is not pinned to one version with ==")
    try:
        return str(Version(specifiers[0].version))
    except InvalidVersion:
        raise _refused(source, line, f"{specifiers[0].version!r} is not a version") from None


def _hashes(source: str, line: int | None, name: str, found: list[str]) -> tuple[str, ...]:
    for each in found:
        if each.startswith("sha256:") and not _SHA256.match(each):
            raise _refused(source, line, f"{name} has a malformed hash: {each[:80]}")
    good = sorted({each.removeprefix("sha256:") for each in found if _SHA256.match(each)})
    if not good:
        hint = "lock with hashes, for example: pip-compile --generate-hashes, or uv export"
        raise _refused(source, line, f"{name} has no --hash=sha256:...", hint)
    return tuple(good)


def _pylock(source: str, text: str) -> Iterator[Pin]:
    """Addresses in it are not used: the configured index is asked for a file with the hash."""
    try:
        lock = Pylock.from_dict(tomllib.loads(text))
        chosen = list(lock.select())
    except tomllib.TOMLDecodeError as error:
        raise DependencyError(f"{source} is not TOML: {error}", field=source) from None
    except (PylockValidationError, PylockUnsupportedVersionError, PylockSelectError) as error:
        raise DependencyError(f"{source}: {error}", field=source) from None
    for package, file in chosen:
        if not isinstance(file, PackageWheel | PackageSdist):
            kind = type(file).__name__.removeprefix("Package").lower()
            raise _refused(source, None, f"{package.name} comes from a {kind}; only the index is used")
        if isinstance(file, PackageSdist):
            raise _refused(source, None, f"{package.name} has no wheel for this interpreter")
        if package.version is None:
            raise _refused(source, None, f"{package.name} has no version")
        yield Pin(name=package.name, version=str(package.version), hashes=_wheel_hashes(source, package))


def _wheel_hashes(source: str, package: Package) -> tuple[str, ...]:
    found = [f"{kind}:{value}" for wheel in package.wheels or () for kind, value in wheel.hashes.items()]
    return _hashes(source, None, package.name, found)


def _refused(source: str, line: int | None, message: str, hint: str | None = None) -> DependencyError:
    where = source if line is None else f"{source}:{line}"
    return DependencyError(f"{where}: {message}", field=where, hint=hint)
