"""Two interfaces: `Blobs` (bytes by digest) and `Records` (runs and the capsule index).

Both are durable before they answer: when `put` or `append` returned, a kill -9 loses nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from qlayer.types.capsule import CapsuleSummary
from qlayer.types.ids import CapsuleId, Digest, RunId
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
