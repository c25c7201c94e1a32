"""What looking after blobs needs beyond reading and writing them: when they were written, and setting aside.

Nothing is removed in one step. What nobody references is set aside in the trash first, and reading it brings
it back; what is damaged goes to the quarantine, where it can be looked at and stands in nobody's way.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from qlayer.store.base import Blobs
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId, Digest

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Area(StrEnum):
    """Where a blob lies. What lies beside the blobs is found by neither `Blobs.list` nor, damaged, `get`."""

    BLOBS = "blobs"
    TRASH = "trash"
    QUARANTINE = "quarantine"


class StoredBlob(Frozen):
    """A blob as it lies there, its bytes unread."""

    digest: Digest
    size_bytes: int
    written_at: datetime
    """When it was last put, or set aside; by the clock of whoever stores it."""


class KeptBlobs(Blobs, Protocol):
    """Blobs that can be looked after. Raises what `Blobs` raises.

    `put` makes a blob that is there already as young as a new one. `get` and `has` bring a blob back that
    lies in the trash: so a writer that met a collector loses nothing.
    """

    def stored(self, area: Area = Area.BLOBS) -> AsyncIterator[StoredBlob]:
        """All that lie there, by digest."""
        ...

    async def move(
        self, digest: Digest, source: Area, target: Area, *, written_before: datetime | None = None
    ) -> bool:
        """Set a blob aside, or bring it back, never over one that is there; it is young then.

        False when it is not in `source`. One that is to be set aside stays, too, when it was written at
        `written_before` or later (None: whenever).
        """
        ...

    async def purge(self, digest: Digest, area: Area) -> None:
        """Remove for good what was set aside; no error when it is not there."""
        ...

    async def clear_partial(self, before: datetime) -> int:
        """Remove what writers that were killed before this moment left half-written; how many."""
        ...


class References(Frozen):
    """What the records name, blobs and other things alike."""

    digests: frozenset[Digest]
    capsules: frozenset[CapsuleId]
    """Those of the digests that are capsules."""


def digests_in(text: str) -> Iterator[Digest]:
    """Everything in a text that looks like a digest."""
    return map(Digest, _DIGEST.findall(text))
