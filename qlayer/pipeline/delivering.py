"""The step that gives a finished project the files which build, check and ship it.

It comes when the model is done and before the last checks and the scan: no prompt shows these files, and what
ships is what was checked.
"""

from __future__ import annotations

from dataclasses import dataclass

from qlayer.packaging.delivery.deliver import Bases, deliver
from qlayer.pipeline.journal import Journal
from qlayer.types.run import Equipped
from qlayer.types.source import SourceTree


@dataclass(frozen=True)
class Delivering:
    """What the step needs beside the project."""

    bases: Bases

    async def equip(self, journal: Journal, family: str, tree: SourceTree) -> SourceTree:
        """The tree with its delivery files; the same tree where there is nothing to add.

        The files follow from the tree alone, so a resumed run makes them anew. Their digest is part of the
        step's key: a later version that makes others checks and decides once more.
        """
        delivered = deliver(family, tree, self.bases)
        if not delivered.added:
            return tree

        async def make() -> Equipped:
            return Equipped(tree=delivered.tree.digest, added=delivered.added, kept=delivered.kept)

        await journal.step("equip", [tree.digest, delivered.tree.digest], Equipped, make)
        return delivered.tree
