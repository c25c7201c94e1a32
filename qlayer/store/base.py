"""Three interfaces: `Blobs` (bytes by digest), `Records` (runs, capsules) and `Memories` (corrections).

All are durable before they answer: when `put` or `append` returned, a kill -9 loses nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Protocol

from qlayer.types.capsule import CapsuleSummary
from qlayer.types.ids import CapsuleId, Digest, RunId
from qlayer.types.memory import Correction, MemoryId
from qlayer.types.release import Attestation, PointerMove, Release
from qlayer.types.run import EventBody, RunEvent, RunRecord, RunRequest, RunSummary


class Blobs(Protocol):
    """Immutable bytes under their SHA-256. Writing the same bytes twice is one blob.

    Raises `NotFoundError`, `CorruptBlob` (bytes do not match their digest), `StoreFull`, `StoreError`.
    """

    async def put(self, data: bytes) -> Digest:
        """Store durably and atomically; a crash leaves the whole blob or nothing."""
        ...

    async def get(self, digest: Digest) -> bytes:
        """The bytes, checked against their digest."""
        ...

    async def has(self, digest: Digest) -> bool: ...

    async def delete(self, digest: Digest) -> None:
        """Remove; no error when it is not there."""
        ...

    def list(self) -> AsyncIterator[Digest]: ...


class Records(Protocol):
    """Runs as append-only event lists, with leases so that one worker at a time carries a run on.

    Raises `NotFoundError`, `ConflictError`, `StoreFull`, `StoreError`.
    """

    async def submit(
        self, run_id: RunId, request: RunRequest, idempotency_key: str | None = None
    ) -> tuple[RunId, bool]:
        """Record a new run with its `Submitted` event; returns (id, created).

        The same key with the same request answers the first run's id and False; with another request it
        raises `ConflictError`.
        """
        ...

    async def append(self, run_id: RunId, body: EventBody, *, step: Digest | None = None) -> RunEvent:
        """Append one event. The same `step` twice keeps and returns the first, even after the end.

        Raises `ConflictError` for anything new after `Finished`.
        """
        ...

    async def history(self, run_id: RunId, *, after: int = 0, limit: int = 10_000) -> tuple[RunEvent, ...]:
        """Events with seq > `after`, in order. Raises `NotFoundError` for an unknown run."""
        ...

    async def step(self, run_id: RunId, step: Digest) -> RunEvent | None:
        """The recorded event of this step, or None when it was not done yet."""
        ...

    async def run(self, run_id: RunId) -> RunRecord: ...

    async def runs(self, *, limit: int = 50, before: RunId | None = None) -> tuple[RunSummary, ...]:
        """Newest first; `before` pages on."""
        ...

    async def claim(self, run_id: RunId, owner: str, ttl_s: float) -> bool:
        """Take or renew the lease; False while another owner's lease is alive or the run is finished."""
        ...

    async def release(self, run_id: RunId, owner: str) -> None: ...

    async def unfinished(self, origin: str) -> tuple[RunId, ...]:
        """Unfinished runs of this origin whose lease is free or expired, oldest first."""
        ...

    async def index_capsule(self, summary: CapsuleSummary) -> None:
        """Add to the capsule index; the same id twice is one row."""
        ...

    async def capsules(
        self, *, limit: int = 50, before: CapsuleId | None = None
    ) -> tuple[CapsuleSummary, ...]:
        """Newest first."""
        ...

    async def find_capsule(self, prefix: str) -> CapsuleSummary:
        """By id, or by an unambiguous prefix of at least 6 hex digits, with or without ``sha256:``."""
        ...

    async def ping(self) -> None:
        """Raise `StoreError` when the records cannot be read."""
        ...

    async def aclose(self) -> None: ...


Vector = tuple[float, ...]
"""What an embedder made of a text; single precision is kept."""


class Memories(Protocol):
    """What people corrected, what it is found by, and where it was used. Raises `StoreFull`, `StoreError`."""

    async def remember(self, correction: Correction) -> bool:
        """Record a correction; False when it is there already (the first stays)."""
        ...

    async def corrections(self) -> tuple[Correction, ...]:
        """All of them, oldest first."""
        ...

    async def forget(self, memory: MemoryId) -> None:
        """Remove a correction with its vectors, or keep a rule from ever being used again; twice is once."""
        ...

    async def forgotten(self) -> frozenset[MemoryId]:
        """Rules that were removed."""
        ...

    async def mark_used(self, memories: Iterable[MemoryId], run_id: RunId) -> None:
        """Say that a run uses these; twice is once."""
        ...

    async def uses(self) -> Mapping[MemoryId, int]:
        """In how many runs each was used; those never used are left out."""
        ...

    async def keep_vectors(self, embedder: str, vectors: Mapping[MemoryId, Vector]) -> None:
        """Keep what an embedder made of corrections; the first of each stays, unknown ones are left out."""
        ...

    async def vectors(self, embedder: str) -> Mapping[MemoryId, Vector]: ...


class Releases(Protocol):
    """Named versions of capsules, pointers to them, and signatures. Nothing is ever changed or removed.

    Raises `StoreFull`, `StoreError`.
    """

    async def publish(self, release: Release) -> bool:
        """Record a version; False when the very same one is there already.

        Raises `ConflictError` when that version stands for another capsule, or when `release.previous` is
        not the newest version any more (somebody else published in between).
        """
        ...

    async def history(self, name: str) -> tuple[Release, ...]:
        """Every version of a name, newest first; empty for a name that was never used."""
        ...

    async def newest(self, *, limit: int = 50) -> tuple[Release, ...]:
        """The newest version of each name, the name that was published last first."""
        ...

    async def of_capsule(self, capsule: CapsuleId) -> tuple[Release, ...]:
        """Under which names and versions a capsule was published, oldest first."""
        ...

    async def point(self, move: PointerMove) -> None:
        """Set a pointer. Raises `NotFoundError` when the name has no such version."""
        ...

    async def moves(self, name: str) -> tuple[PointerMove, ...]:
        """Every move of every pointer of a name, newest first."""
        ...

    async def attest(self, attestation: Attestation) -> bool:
        """Keep a signature; False when it is there already."""
        ...

    async def attestations(self, capsule: CapsuleId) -> tuple[Attestation, ...]:
        """Oldest first."""
        ...
