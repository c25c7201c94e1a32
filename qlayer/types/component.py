"""What a project depends on."""

from __future__ import annotations

from packageurl import PackageURL

from qlayer.types.frozen import Frozen
from qlayer.types.source import TreePath


class Dependency(Frozen):
    """One package that a file of the project names."""

    ecosystem: str
    """A package-url type: ``pypi`` or ``npm``."""
    name: str
    version: str | None = None
    """None: declared with a range, not locked."""
    specifier: str = ""
    """As declared, for example ``>=0.115``."""
    hashes: tuple[tuple[str, str], ...] = ()
    """(algorithm, hex digest) of the files that may be installed."""
    licence: str | None = None
    """As the lock file states it."""
    path: TreePath
    """The file that names it."""

    @property
    def purl(self) -> str:
        namespace, _, name = self.name.rpartition("/")
        return PackageURL(self.ecosystem, namespace or None, name, self.version).to_string()

    def __str__(self) -> str:
        return f"{self.name} {self.version or self.specifier or '(any version)'}"


class Unreadable(Frozen):
    """A file that should name dependencies and could not be read; silence about it would be a false green."""

    path: TreePath
    problem: str


class Components(Frozen):
    """All that was found: one entry a package and version, and what could not be read."""

    dependencies: tuple[Dependency, ...]
    unreadable: tuple[Unreadable, ...]
