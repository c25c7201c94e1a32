"""Which semantic version a new capsule of a name gets, decided from what changed for those who use it.

Python's public API is compared with griffe, which knows what breaks callers; routes and command lines are
compared by what the specs promise. A file that is no code never breaks anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import griffe
from semver import Version as SemVer

from qlayer.errors import ConflictError, InputError
from qlayer.types.frozen import Frozen
from qlayer.types.release import ChangeKind, Release, Version
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec

FIRST_VERSION = "0.1.0"
_NOT_PUBLIC = ("tests", "test", "docs", "examples", ".github")
MAX_REASONS = 20


class Content(Frozen):
    """What of a capsule decides its version."""

    spec: Spec
    tree: SourceTree


class VersionChoice(Frozen):
    version: Version
    change: ChangeKind
    reasons: tuple[str, ...]


def choose_version(previous: Release | None, before: Content | None, after: Content) -> VersionChoice:
    """The version that follows. Below 1.0.0 a break raises the minor number, as semver.org item 4 allows.

    Raises `ConflictError` when nothing changed: a version of its own would say otherwise.
    """
    if previous is None or before is None:
        return VersionChoice(version=FIRST_VERSION, change=ChangeKind.FIRST, reasons=("the first version",))
    if before.tree.digest == after.tree.digest:
        raise ConflictError(f"nothing changed since {previous}", hint="publish it under a tag instead")
    broken = (*_broken_api(before.tree, after.tree), *_broken_promises(before.spec, after.spec))
    new = (*_new_api(before.tree, after.tree), *_new_promises(before.spec, after.spec))
    old = SemVer.parse(previous.version)
    if broken:
        bumped = old.bump_major() if old.major else old.bump_minor()
        return VersionChoice(version=str(bumped), change=ChangeKind.API, reasons=tuple(broken[:MAX_REASONS]))
    if new:
        bumped = old.bump_minor() if old.major else old.bump_patch()
        return VersionChoice(version=str(bumped), change=ChangeKind.FEATURE, reasons=tuple(new[:MAX_REASONS]))
    changed = tuple(_changed_files(before.tree, after.tree))
    return VersionChoice(version=str(old.bump_patch()), change=ChangeKind.FIX, reasons=changed[:MAX_REASONS])


def check_version(wanted: str, previous: Release | None) -> Version:
    """A version that a person chose. Raises `InputError` when it is none, or does not go up."""
    try:
        version = SemVer.parse(wanted)
    except ValueError:
        raise InputError(
            f"{wanted!r} is no semantic version", field="version", hint="for example 1.2.0"
        ) from None
    if previous is not None and version <= SemVer.parse(previous.version):
        raise InputError(f"{wanted} does not come after {previous}", field="version")
    return str(version)


def _broken_api(old: SourceTree, new: SourceTree) -> Iterator[str]:
    now = _modules(new)
    for name, module in _modules(old).items():
        if name not in now:
            yield f"module {name} is gone"
            continue
        for breakage in griffe.find_breaking_changes(module, now[name]):
            yield f"{breakage.obj.path}: {breakage.kind.value.lower()}"


def _new_api(old: SourceTree, new: SourceTree) -> Iterator[str]:
    was = _modules(old)
    for name, module in _modules(new).items():
        if name not in was:
            yield f"module {name} is new"
            continue
        known = set(_public_names(was[name]))
        yield from (f"{path} is new" for path in _public_names(module) if path not in known)


def _public_names(module: griffe.Module) -> Iterator[str]:
    for member in module.members.values():
        if not member.is_alias and not member.name.startswith("_"):
            yield member.path
            if isinstance(member, griffe.Class):
                yield from (m.path for m in member.members.values() if not m.name.startswith("_"))


def _modules(tree: SourceTree) -> dict[str, griffe.Module]:
    """Every public Python module that parses; one that does not has no API."""
    found = {}
    for path in tree.paths():
        parts = PurePosixPath(path).with_suffix("").parts
        if not path.endswith(".py") or any(
            part in _NOT_PUBLIC or part.startswith("_") for part in parts[:-1]
        ):
            continue
        name = ".".join(part for part in parts if part not in ("src", "__init__"))
        if name and not parts[-1].startswith("test_"):
            try:
                found[name] = griffe.visit(name, filepath=Path(path), code=tree.text(path))
            except (SyntaxError, ValueError):
                continue
    return found


def _broken_promises(old: Spec, new: Spec) -> Iterator[str]:
    yield from (f"{promise} is gone" for promise in _promises(old) if promise not in set(_promises(new)))


def _new_promises(old: Spec, new: Spec) -> Iterator[str]:
    yield from (f"{promise} is new" for promise in _promises(new) if promise not in set(_promises(old)))


def _promises(spec: Spec) -> Iterable[str]:
    return [f"{route.method} {route.path}" for route in spec.routes]


def _changed_files(old: SourceTree, new: SourceTree) -> Iterator[str]:
    was, now = old.entries(), new.entries()
    for path in sorted({*was, *now}):
        if was.get(path) != now.get(path):
            how = "added" if path not in was else "removed" if path not in now else "changed"
            yield f"{path} {how}"
