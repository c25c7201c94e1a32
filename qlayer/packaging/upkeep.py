"""Looking after stored capsules: what is referenced, what may go, what is damaged, what it all weighs.

Here is the meaning that the store lacks: a capsule's manifest names further blobs. When one cannot be read,
nothing is known of what it names, and nothing is collected.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

from qlayer.errors import CorruptBlob, NotFoundError, StoreError
from qlayer.packaging.capsule import parse_manifest
from qlayer.store.at_once import each
from qlayer.store.base import Releases
from qlayer.store.keeping import Area, KeptBlobs, References, digests_in
from qlayer.store.sweeping import GRACE, Collected, Heap, Progress, Scrubbed, collect, scrub
from qlayer.types.capsule import CapsuleManifest
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId, Digest


class Stock(Frozen):
    """What a store holds."""

    capsules: int
    blobs: Heap
    trash: Heap
    quarantine: Heap
    named_bytes: int
    """The bytes of every file of every capsule, as if nothing were shared."""
    stored_bytes: int
    """The bytes of those same files as they lie there, each once."""

    @property
    def shared(self) -> float:
        """How many times smaller the files lie there than they are named."""
        return self.named_bytes / self.stored_bytes if self.stored_bytes else 1.0


def quiet(doing: str, done: int, of: int) -> None:
    """No progress shown."""


class Upkeep:
    """Over blobs and records that somebody else opened. All raise `StoreError`."""

    def __init__(
        self,
        blobs: KeptBlobs,
        releases: Releases,
        references: Callable[[], Awaitable[References]],
        now: Callable[[], datetime],
    ) -> None:
        self._blobs = blobs
        self._releases = releases
        self._references = references
        self._now = now

    async def collect(
        self, *, grace: timedelta = GRACE, dry_run: bool = False, progress: Progress = quiet
    ) -> Collected:
        """Set aside what nobody references, and remove what was set aside long enough ago.

        The moment that ages are counted from is taken before the references are read: what is put and
        recorded meanwhile is too young to go.
        """
        now = self._now()
        referenced = await self._referenced(progress)
        return await collect(
            self._blobs, referenced, now=now, grace=grace, dry_run=dry_run, progress=progress
        )

    async def scrub(self, *, progress: Progress = quiet) -> Scrubbed:
        """Read every blob again; what is damaged is quarantined, what is missing is named."""
        needed: set[Digest] = set()
        known = await self._references()
        for capsule in known.capsules:
            needed.add(Digest(capsule))
            for signature in await self._releases.attestations(capsule):
                needed |= {signature.envelope, signature.sbom}
        async for _, manifest in self._manifests(known.capsules, progress):
            needed |= set(manifest.files.values()) | {one.completion for one in manifest.attempts}
        return await scrub(self._blobs, needed, progress=progress)

    async def stock(self, *, progress: Progress = quiet) -> Stock:
        """Count and weigh; reads the manifests and nothing else."""
        heaps: dict[Area, Heap] = dict.fromkeys(Area, Heap())
        sizes: dict[Digest, int] = {}
        for area in Area:
            async for blob in self._blobs.stored(area):
                heaps[area] += blob
                if area is Area.BLOBS:
                    sizes[blob.digest] = blob.size_bytes
        capsules, named = (await self._references()).capsules, 0
        files: set[Digest] = set()
        async for _, manifest in self._manifests(capsules, progress):
            named += sum(sizes.get(digest, 0) for digest in manifest.files.values())
            files.update(manifest.files.values())
        return Stock(
            capsules=len(capsules),
            blobs=heaps[Area.BLOBS],
            trash=heaps[Area.TRASH],
            quarantine=heaps[Area.QUARANTINE],
            named_bytes=named,
            stored_bytes=sum(sizes.get(digest, 0) for digest in files),
        )

    async def _referenced(self, progress: Progress) -> set[Digest]:
        """What the records name, and what the capsules among that name in turn."""
        known = await self._references()
        referenced = set(known.digests)
        capsules = sorted(known.capsules)
        number = 0
        async for capsule, data in each(capsules, self._manifest_bytes):
            if data is None:
                raise StoreError(
                    f"the manifest of {capsule} is missing or damaged, so nothing was collected: "
                    "it is not known what belongs to that capsule",
                    hint="qlayer store scrub names everything that is damaged",
                )
            referenced.update(digests_in(data.decode(errors="replace")))
            progress("marking", number := number + 1, len(capsules))
        return referenced

    async def _manifests(
        self, capsules: frozenset[CapsuleId], progress: Progress
    ) -> AsyncIterator[tuple[CapsuleId, CapsuleManifest]]:
        """Those that can be read."""
        number = 0
        async for capsule, data in each(sorted(capsules), self._manifest_bytes):
            progress("manifests", number := number + 1, len(capsules))
            manifest = _parsed(capsule, data)
            if manifest is not None:
                yield capsule, manifest

    async def _manifest_bytes(self, capsule: CapsuleId) -> bytes | None:
        try:
            return await self._blobs.get(Digest(capsule))
        except (NotFoundError, CorruptBlob):
            return None


def _parsed(capsule: CapsuleId, data: bytes | None) -> CapsuleManifest | None:
    try:
        return None if data is None else parse_manifest(capsule, data)
    except CorruptBlob:
        return None
