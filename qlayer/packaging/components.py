"""What a project depends on, read from the files that say so.

Locked components carry a version and hashes; what is only declared is listed as such, because what will be
installed then is not known. Files: ``pyproject.toml``, ``requirements*.txt``, ``package.json``,
``package-lock.json``.
"""

from __future__ import annotations

import json
import re
import tomllib
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from qlayer.types.component import Components, Dependency, Unreadable
from qlayer.types.source import SourceTree, TreePath

_HASH = re.compile(r"--hash=(sha256|sha384|sha512):([0-9a-fA-F]+)")
_ALGORITHMS = ("sha256", "sha384", "sha512")


def components(tree: SourceTree) -> Components:
    """Read every file of `tree` that names dependencies. Pure; sorted by package URL.

    A locked entry takes the place of a declared one of the same name.
    """
    found: list[Dependency] = []
    unreadable: list[Unreadable] = []
    for path in tree.paths():
        read = _reader(path)
        if read is None:
            continue
        try:
            found.extend(read(path, tree.files[path].decode()))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            unreadable.append(Unreadable(path=path, problem=f"{type(error).__name__}: {error}"))
    return Components(dependencies=tuple(_merged(found)), unreadable=tuple(unreadable))


def _reader(path: TreePath) -> Callable[[TreePath, str], Iterator[Dependency]] | None:
    name = PurePosixPath(path).name
    if name.startswith("requirements") and name.endswith((".txt", ".lock")):
        return _requirements
    return {
        "pyproject.toml": _pyproject,
        "package.json": _package_json,
        "package-lock.json": _package_lock,
    }.get(name)


def _merged(found: Iterable[Dependency]) -> list[Dependency]:
    listed = list(found)
    locked = {(one.ecosystem, one.name) for one in listed if one.version is not None}
    kept: dict[str, Dependency] = {}
    for one in listed:
        if one.version is None and (one.ecosystem, one.name) in locked:
            continue
        first = kept.setdefault(one.purl, one)
        if first is not one:
            hashes = tuple(sorted({*first.hashes, *one.hashes}))
            kept[one.purl] = first.model_copy(
                update={"hashes": hashes, "licence": first.licence or one.licence}
            )
    return [kept[purl] for purl in sorted(kept)]


def _requirements(path: TreePath, text: str) -> Iterator[Dependency]:
    for line in text.replace("\\\n", " ").splitlines():
        content = re.sub(r"(^|\s)#.*$", "", line).strip()
        if not content or content.startswith("-"):
            continue
        hashes = tuple(sorted((name, digest.lower()) for name, digest in _HASH.findall(content)))
        yield _python(path, content.split("--hash")[0].strip(), hashes)


def _pyproject(path: TreePath, text: str) -> Iterator[Dependency]:
    project = tomllib.loads(text).get("project", {})
    for wanted in project.get("dependencies", []):
        yield _python(path, wanted, ())


def _python(path: TreePath, wanted: str, hashes: tuple[tuple[str, str], ...]) -> Dependency:
    try:
        requirement = Requirement(wanted)
    except InvalidRequirement as error:
        raise ValueError(f"{wanted!r} is no requirement: {error}") from None
    exact = re.fullmatch(r"===?([^*,]+)", str(requirement.specifier))
    return Dependency(
        ecosystem="pypi",
        name=canonicalize_name(requirement.name),
        version=exact[1] if exact else None,
        specifier=str(requirement.specifier),
        hashes=hashes,
        path=path,
    )


def _package_json(path: TreePath, text: str) -> Iterator[Dependency]:
    for name, wanted in json.loads(text).get("dependencies", {}).items():
        yield Dependency(ecosystem="npm", name=name, specifier=str(wanted), path=path)


def _package_lock(path: TreePath, text: str) -> Iterator[Dependency]:
    """Lock files of npm 7 and later (``lockfileVersion`` 2 and 3)."""
    lock = json.loads(text)
    if lock.get("lockfileVersion") not in (2, 3):
        raise ValueError(f"lockfileVersion {lock.get('lockfileVersion')} is not read, only 2 and 3")
    for place, entry in lock["packages"].items():
        if not place or entry.get("link") or entry.get("dev"):
            continue
        yield Dependency(
            ecosystem="npm",
            name=entry.get("name") or place.rpartition("node_modules/")[2],
            version=entry["version"],
            hashes=_integrity(entry),
            licence=entry.get("license"),
            path=path,
        )


def _integrity(entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Subresource integrity, ``sha512-BASE64``, as hex."""
    parts = (part.partition("-") for part in str(entry.get("integrity", "")).split())
    return tuple(
        sorted((name, b64decode(digest).hex()) for name, _, digest in parts if name in _ALGORITHMS and digest)
    )
