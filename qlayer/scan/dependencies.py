"""What a project depends on: known advisories, and licences that are refused or unknown.

A component that could not be checked is a finding, never silence. What names the dependencies is given by
the caller (it is the same reading that the bill of materials is made from).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import license_expression
import yaml

from qlayer.scan import osv
from qlayer.scan.base import Project, ScannerBroken, unread
from qlayer.types.component import Components, Dependency
from qlayer.types.finding import Finding, Severity
from qlayer.types.ids import Digest, digest_of
from qlayer.types.source import SourceTree, TreePath

Reader = Callable[[SourceTree], Components]
SEED = Path(__file__).with_name("advisories")
"""A few advisories about packages that many projects have; far from all there are."""
LICENCES = Path(__file__).with_name("licences.yaml")

_READ = ("pyproject.toml", "package.json", "package-lock.json")
_NOT_READ = (
    *("poetry.lock", "uv.lock", "pdm.lock", "Pipfile", "Pipfile.lock", "environment.yml", "setup.py"),
    *(
        "yarn.lock",
        "pnpm-lock.yaml",
        "go.mod",
        "Cargo.toml",
        "pom.xml",
        "build.gradle",
        "Gemfile",
        "composer.json",
    ),
)
"""They name dependencies in a form that is not read here."""


def names_dependencies(path: TreePath) -> bool:
    name = PurePosixPath(path).name
    listed = name.startswith("requirements") and name.endswith((".txt", ".lock"))
    return listed or name in _READ or name in _NOT_READ


@dataclass(frozen=True)
class KnownAdvisories:
    """The components against advisories: those shipped, and a folder that users sync with a database."""

    read: Reader
    synced: Path | None = None
    seed: Path = SEED
    name: str = "advisories"

    def version(self) -> str | None:
        return "osv 1"

    def rules(self) -> Digest:
        return self._loaded().digest

    def wants(self, path: TreePath) -> bool:
        return names_dependencies(path)

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        known = await asyncio.to_thread(self._loaded)
        if known.entries == 0:
            raise ScannerBroken("there is no advisory to match against, so nothing was checked")
        return tuple(self._found(project, known))

    def _loaded(self) -> osv.Advisories:
        folders = [self.seed, *([self.synced] if self.synced is not None else [])]
        return osv.load(folder for folder in folders if folder.is_dir())

    def _found(self, project: Project, known: osv.Advisories) -> Iterator[Finding]:
        where = project.paths[0]
        if self.synced is None or not self.synced.is_dir():
            message = f"only the {known.entries} advisories that are shipped were matched"
            yield Finding(
                tool=self.name,
                rule="shipped-advisories-only",
                severity=Severity.LOW,
                message=message,
                path=where,
                hint="name a folder with OSV entries in QLAYER_ADVISORIES",
            )
        for name in known.unreadable:
            yield unread(self.name, where, f"{name} is no OSV entry", Severity.MEDIUM)
        yield from self._unread(project)
        for one in self.read(project.tree).dependencies:
            yield from self._of(one, known)

    def _unread(self, project: Project) -> Iterator[Finding]:
        for file in self.read(project.tree).unreadable:
            yield unread(self.name, file.path, f"its dependencies cannot be read: {file.problem}")
        for path in project.paths:
            if PurePosixPath(path).name in _NOT_READ:
                yield unread(self.name, path, "dependencies in this form are not read", Severity.MEDIUM)

    def _of(self, one: Dependency, known: osv.Advisories) -> Iterator[Finding]:
        if one.version is None:
            yield _about(one, self.name, "not-locked", Severity.MEDIUM, f"{one} was not checked: no version")
            return
        if one.ecosystem not in osv.ECOSYSTEMS.values():
            yield unread(self.name, one.path, f"nothing is known about {one.ecosystem} packages: {one}")
            return
        for advisory in known.of.get((one.ecosystem, one.name), ()):
            yield from self._judged(one, one.version, advisory)

    def _judged(self, one: Dependency, version: str, advisory: osv.Advisory) -> Iterator[Finding]:
        about = advisory.about(one.ecosystem, one.name)
        try:
            hit = [affected for affected in about if osv.affects(affected, one.ecosystem, version)]
        except ValueError as error:
            yield unread(self.name, one.path, f"whether {advisory.id} is about {one} cannot be told: {error}")
            return
        if hit:
            ends = sorted({fixed for affected in hit for fixed in osv.fixes(affected)})
            named = ", ".join((advisory.id, *advisory.aliases))
            yield _about(
                one,
                self.name,
                advisory.id,
                advisory.severity,
                f"{one}: {advisory.summary} ({named})",
                f"fixed in {', '.join(ends)}" if ends else "no version without it is known",
            )


@dataclass(frozen=True)
class Licences:
    """The licences of the components against lists of what is taken and what is refused."""

    read: Reader
    lists: Path = LICENCES
    name: str = "licences"

    def version(self) -> str | None:
        return "1"

    def rules(self) -> Digest:
        return digest_of(self._lists)

    def wants(self, path: TreePath) -> bool:
        return names_dependencies(path)

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        return tuple(self._found(self.read(project.tree).dependencies))

    @cached_property
    def _lists(self) -> dict[str, list[str]]:
        return dict(yaml.safe_load(self.lists.read_text()))

    def _found(self, dependencies: Sequence[Dependency]) -> Iterator[Finding]:
        for one in dependencies:
            if one.licence is None:
                yield _about(one, self.name, "unknown", Severity.LOW, f"the licence of {one} is not known")
                continue
            verdict = self._verdict(one.licence)
            if verdict != "allowed":
                severity = Severity.HIGH if verdict == "denied" else Severity.MEDIUM
                yield _about(one, self.name, verdict, severity, f"{one} is under {one.licence}: {verdict}")

    def _verdict(self, licence: str) -> str:
        """``allowed``, ``denied`` or ``unlisted``: the best of alternatives, the worst of a sum."""
        try:
            tree = license_expression.Licensing().parse(licence)
        except license_expression.ExpressionError:
            return "unlisted"
        return _RANKS[self._rank(tree)] if tree is not None else "unlisted"

    def _rank(self, node: Any) -> int:
        if isinstance(node, license_expression.LicenseExpression) and node.args:
            ranks = [self._rank(part) for part in node.args]
            return min(ranks) if node.operator.strip() == "OR" else max(ranks)
        return self._of_name(str(node).partition(" WITH ")[0])

    def _of_name(self, name: str) -> int:
        if name in self._lists["denied"]:
            return 2
        return 0 if name in self._lists["allowed"] else 1


_RANKS = ("allowed", "unlisted", "denied")


def _about(
    one: Dependency, tool: str, rule: str, severity: Severity, message: str, hint: str = ""
) -> Finding:
    return Finding(tool=tool, rule=rule, severity=severity, message=message, path=one.path, hint=hint)
