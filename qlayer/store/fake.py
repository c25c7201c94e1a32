"""Blobs, records and memories in dicts, for tests. They pass the backends' contract suites."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from qlayer.errors import ConflictError, CorruptBlob, InputError, NotFoundError
from qlayer.store.base import Vector
from qlayer.store.clock import Clock, utc_now
from qlayer.store.keeping import Area, StoredBlob
from qlayer.store.keys import capsule_prefix, check_digest, check_idempotency_key
from qlayer.store.publishing import check_version_exists, is_published
from qlayer.types.capsule import CapsuleSummary
from qlayer.types.ids import CapsuleId, Digest, RunId, sha256
from qlayer.types.memory import Correction, MemoryId, is_rule
from qlayer.types.release import Attestation, PointerMove, Release
from qlayer.types.run import EventBody, Finished, RunEvent, RunRecord, RunRequest, RunSummary, Submitted


class FakeBlobs:
    """Blobs in a dict. `content` is open to tests, for example to damage a blob."""

    def __init__(self, now: Clock = utc_now) -> None:
        self._now = now
        self.areas: dict[Area, dict[Digest, bytes]] = {area: {} for area in Area}
        self.written: dict[tuple[Area, Digest], datetime] = {}

    @property
    def content(self) -> dict[Digest, bytes]:
        return self.areas[Area.BLOBS]

    async def put(self, data: bytes) -> Digest:
        digest = sha256(data)
        self._store(digest, data, Area.BLOBS)
        return digest

    async def get(self, digest: Digest) -> bytes:
        if not await self.has(digest):
            raise NotFoundError(f"no blob {digest}", kind="blob")
        data = self.content[digest]
        if sha256(data) != digest:
            raise CorruptBlob(f"blob {digest} is damaged")
        return data

    async def has(self, digest: Digest) -> bool:
        return check_digest(digest) in self.content or await self.move(digest, Area.TRASH, Area.BLOBS)

    async def delete(self, digest: Digest) -> None:
        self.content.pop(check_digest(digest), None)

    async def list(self) -> AsyncIterator[Digest]:
        for digest in sorted(self.content):
            yield digest

    async def stored(self, area: Area = Area.BLOBS) -> AsyncIterator[StoredBlob]:
        for digest, data in sorted(self.areas[area].items()):
            written_at = self.written.get((area, digest), self._now())
            yield StoredBlob(digest=digest, size_bytes=len(data), written_at=written_at)

    async def move(
        self, digest: Digest, source: Area, target: Area, *, written_before: datetime | None = None
    ) -> bool:
        if digest not in self.areas[source]:
            return False
        if written_before is not None and self.written[source, digest] >= written_before:
            return False
        data = self.areas[source].pop(digest)
        if target is not Area.BLOBS or digest not in self.content:
            self._store(digest, data, target)
        return True

    async def purge(self, digest: Digest, area: Area) -> None:
        self.areas[area].pop(digest, None)

    async def clear_partial(self, before: datetime) -> int:
        return 0

    def _store(self, digest: Digest, data: bytes, area: Area) -> None:
        self.areas[area][digest] = data
        self.written[area, digest] = self._now()


@dataclass
class _Run:
    created_at: datetime
    key: str | None
    events: list[RunEvent] = field(default_factory=list)
    owner: str | None = None
    lease_until: datetime | None = None

    def record(self) -> RunRecord:
        return RunRecord(id=self.events[0].run_id, events=tuple(self.events))

    def free(self, at: datetime) -> bool:
        return self.owner is None or (self.lease_until is not None and self.lease_until <= at)


class FakeRecords:
    """Records in dicts. Nothing awaits in the middle of a change, so every change is atomic."""

    def __init__(self, now: Clock = utc_now) -> None:
        self._now = now
        self._runs: dict[RunId, _Run] = {}
        self._capsules: dict[CapsuleId, CapsuleSummary] = {}

    async def submit(
        self, run_id: RunId, request: RunRequest, idempotency_key: str | None = None
    ) -> tuple[RunId, bool]:
        key = None if idempotency_key is None else check_idempotency_key(idempotency_key)
        for known_id, run in self._runs.items():
            if known_id == run_id or (key is not None and run.key == key):
                if run.record().request != request:
                    raise ConflictError(f"the key or id of run {known_id} was used for another request")
                return known_id, False
        at = self._now()
        first = RunEvent(run_id=run_id, seq=1, at=at, body=Submitted(request=request))
        self._runs[run_id] = _Run(created_at=at, key=key, events=[first])
        return run_id, True

    async def append(self, run_id: RunId, body: EventBody, *, step: Digest | None = None) -> RunEvent:
        run = self._find(run_id)
        if step is not None and (first := await self.step(run_id, step)) is not None:
            return first
        if run.record().finished is not None:
            raise ConflictError(f"run {run_id} is finished; nothing can be added to it")
        event = RunEvent(run_id=run_id, seq=len(run.events) + 1, at=self._now(), step=step, body=body)
        run.events.append(event)
        if isinstance(body, Finished):
            run.owner = run.lease_until = None
        return event

    async def history(self, run_id: RunId, *, after: int = 0, limit: int = 10_000) -> tuple[RunEvent, ...]:
        start = max(after, 0)
        return tuple(self._find(run_id).events[start : start + limit])

    async def step(self, run_id: RunId, step: Digest) -> RunEvent | None:
        return next((event for event in self._find(run_id).events if event.step == step), None)

    async def run(self, run_id: RunId) -> RunRecord:
        return self._find(run_id).record()

    async def runs(self, *, limit: int = 50, before: RunId | None = None) -> tuple[RunSummary, ...]:
        ids = [run_id for run_id in sorted(self._runs, reverse=True) if before is None or run_id < before]
        return tuple(self._row(run_id) for run_id in ids[:limit])

    async def claim(self, run_id: RunId, owner: str, ttl_s: float) -> bool:
        run = self._find(run_id)
        at = self._now()
        if run.record().finished is not None or not (run.free(at) or run.owner == owner):
            return False
        run.owner, run.lease_until = owner, at + timedelta(seconds=ttl_s)
        return True

    async def release(self, run_id: RunId, owner: str) -> None:
        run = self._find(run_id)
        if run.owner == owner:
            run.owner = run.lease_until = None

    async def unfinished(self, origin: str) -> tuple[RunId, ...]:
        at = self._now()
        free = (run.record() for run in self._runs.values() if run.free(at))
        return tuple(sorted(r.id for r in free if r.finished is None and r.request.origin == origin))

    async def index_capsule(self, summary: CapsuleSummary) -> None:
        self._capsules.setdefault(summary.id, summary)

    async def capsules(
        self, *, limit: int = 50, before: CapsuleId | None = None
    ) -> tuple[CapsuleSummary, ...]:
        newest = list(reversed(self._capsules))
        if before is not None:
            if before not in self._capsules:
                raise NotFoundError(f"no capsule {before}", kind="capsule")
            newest = newest[newest.index(before) + 1 :]
        return tuple(self._capsules[capsule_id] for capsule_id in newest[:limit])

    async def find_capsule(self, prefix: str) -> CapsuleSummary:
        wanted = capsule_prefix(prefix)
        found = [summary for capsule_id, summary in self._capsules.items() if capsule_id.startswith(wanted)]
        if not found:
            raise NotFoundError(f"no capsule begins with {wanted}", kind="capsule")
        if len(found) > 1:
            raise InputError(f"more than one capsule begins with {wanted}; give more digits", field="capsule")
        return found[0]

    async def ping(self) -> None:
        return None

    async def aclose(self) -> None:
        return None

    def _find(self, run_id: RunId) -> _Run:
        if run_id not in self._runs:
            raise NotFoundError(f"no run {run_id}", kind="run")
        return self._runs[run_id]

    def _row(self, run_id: RunId) -> RunSummary:
        run = self._runs[run_id]
        record = run.record()
        return RunSummary(
            id=run_id,
            created_at=run.created_at,
            status=record.status,
            title=record.request.title,
            capsule=record.capsule,
        )


class FakeMemories:
    """Corrections in a dict."""

    def __init__(self) -> None:
        self._corrections: dict[MemoryId, Correction] = {}
        self._forgotten: set[MemoryId] = set()
        self._uses: dict[MemoryId, set[RunId]] = {}
        self._vectors: dict[str, dict[MemoryId, Vector]] = {}

    async def remember(self, correction: Correction) -> bool:
        known = correction.id in self._corrections
        self._corrections.setdefault(correction.id, correction)
        return not known

    async def corrections(self) -> tuple[Correction, ...]:
        return tuple(self._corrections.values())

    async def forget(self, memory: MemoryId) -> None:
        if is_rule(memory):
            self._forgotten.add(memory)
            return
        self._corrections.pop(memory, None)
        self._uses.pop(memory, None)
        for of_embedder in self._vectors.values():
            of_embedder.pop(memory, None)

    async def forgotten(self) -> frozenset[MemoryId]:
        return frozenset(self._forgotten)

    async def mark_used(self, memories: Iterable[MemoryId], run_id: RunId) -> None:
        for memory in memories:
            self._uses.setdefault(memory, set()).add(run_id)

    async def uses(self) -> Mapping[MemoryId, int]:
        return {memory: len(runs) for memory, runs in self._uses.items()}

    async def keep_vectors(self, embedder: str, vectors: Mapping[MemoryId, Vector]) -> None:
        kept = self._vectors.setdefault(embedder, {})
        for memory, vector in vectors.items():
            if memory in self._corrections:
                kept.setdefault(memory, vector)

    async def vectors(self, embedder: str) -> Mapping[MemoryId, Vector]:
        return dict(self._vectors.get(embedder, {}))


class FakeReleases:
    """Versions, pointers and signatures in lists."""

    def __init__(self) -> None:
        self._releases: list[Release] = []
        self._moves: list[PointerMove] = []
        self._attestations: list[Attestation] = []

    async def publish(self, release: Release) -> bool:
        if is_published(release, await self.history(release.name)):
            return False
        self._releases.append(release)
        return True

    async def history(self, name: str) -> tuple[Release, ...]:
        return tuple(release for release in reversed(self._releases) if release.name == name)

    async def newest(self, *, limit: int = 50) -> tuple[Release, ...]:
        newest: dict[str, Release] = {}
        for release in reversed(self._releases):
            newest.setdefault(release.name, release)
        return tuple(newest.values())[:limit]

    async def of_capsule(self, capsule: CapsuleId) -> tuple[Release, ...]:
        return tuple(release for release in self._releases if release.capsule == capsule)

    async def point(self, move: PointerMove) -> None:
        check_version_exists(move, await self.history(move.name))
        self._moves.append(move)

    async def moves(self, name: str) -> tuple[PointerMove, ...]:
        return tuple(move for move in reversed(self._moves) if move.name == name)

    async def attest(self, attestation: Attestation) -> bool:
        known = {(one.capsule, one.envelope) for one in self._attestations}
        if (attestation.capsule, attestation.envelope) in known:
            return False
        self._attestations.append(attestation)
        return True

    async def attestations(self, capsule: CapsuleId) -> tuple[Attestation, ...]:
        return tuple(one for one in self._attestations if one.capsule == capsule)
