"""The files of a project whose shape the model proposes itself."""

from __future__ import annotations

from qlayer.types.frozen import Frozen
from qlayer.types.source import TreePath


class PlannedFile(Frozen):
    """A file to be written, with what it is for."""

    path: TreePath
    purpose: str

    @property
    def module(self) -> str | None:
        """The dotted name; None for a file that is no Python module."""
        if not self.path.endswith(".py"):
            return None
        return self.path.removeprefix("src/").removesuffix(".py").replace("/", ".").removesuffix(".__init__")


class Layout(Frozen):
    """All files, in the order in which they are written: none imports from a later one."""

    files: tuple[PlannedFile, ...]
