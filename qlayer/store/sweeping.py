"""Collecting what nobody references, and reading everything again to find damage.

A blob goes in two steps, each only when it is older than the grace period: first into the trash, then, by a
later collection that still finds no reference to it, for good. What happens at the same time is safe: a blob
that is put again is young again, and one that was set aside in the very moment in which somebody put it comes
back when it is read, or with the next collection, for by then its reference is on record. So the grace period
must be longer than anything takes from putting a blob to recording it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from qlayer.errors import CorruptBlob, NotFoundError
from qlayer.store.at_once import each
from qlayer.store.keeping import Area, KeptBlobs, StoredBlob
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest

GRACE = timedelta(hours=24)
"""Longer than a run (minutes) and than an upload that a job will name."""

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, how much there is."""


class Heap(Frozen):
    """Some blobs, counted."""

    blobs: int = 0
    bytes: int = 0

    def __add__(self, blob: StoredBlob) -> Heap:
        return Heap(blobs=self.blobs + 1, bytes=self.bytes + blob.size_bytes)


class Collected(Frozen):
    """What a collection found and did; with `dry_run`, what it would have done."""

    dry_run: bool
    referenced: Heap = Heap()
    young: Heap = Heap()
    """Not referenced, and within the grace period: perhaps of a run that is under way."""
    set_aside: Heap = Heap()
    brought_back: Heap = Heap()
    """Out of the trash: a reference to them came on record since."""
    purged: Heap = Heap()
    uploads_cleared: int = 0
    """Half-written blobs that killed writers left."""


class Scrubbed(Frozen):
    """Every blob read again and hashed."""

    intact: Heap = Heap()
    damaged: tuple[Digest, ...] = ()
    """Their bytes have another digest; set aside in the quarantine."""
    missing: tuple[Digest, ...] = ()
    """Named by a capsule or a signature, and not there."""

    @property
    def ok(self) -> bool:
        return not self.damaged and not self.missing


async def collect(
    blobs: KeptBlobs,
    referenced: Collection[Digest],
    *,
    now: datetime,
    grace: timedelta = GRACE,
    dry_run: bool = False,
    progress: Progress,
) -> Collected:
    """Sweep what is not `referenced`, which must have been read just now. May be cut off at any point.

    1. The trash: what came to be referenced is brought back, what lies there past the grace period is
    removed. 2. The blobs: what nobody references and nobody wrote lately goes into the trash. 3. What killed
    writers left half-written is removed. Raises `StoreError`.
    """
    old = now - grace
    done = await _collect_trash(blobs, referenced, old, Collected(dry_run=dry_run), progress)
    done = await _collect_blobs(blobs, referenced, old, done, progress)
    return done if dry_run else done.model_copy(update={"uploads_cleared": await blobs.clear_partial(old)})


async def scrub(blobs: KeptBlobs, needed: Collection[Digest], *, progress: Progress) -> Scrubbed:
    """Read and hash every blob; what is damaged is quarantined. Raises `StoreError`."""
    listed = [blob async for blob in blobs.stored()]
    intact = Heap()
    damaged: list[Digest] = []
    async for blob, sound in each(listed, lambda blob: _sound_or_quarantined(blobs, blob)):
        progress("reading", intact.blobs + len(damaged), len(listed))
        if sound:
            intact += blob
        else:
            damaged.append(blob.digest)
    there = {blob.digest for blob in listed}.difference(damaged)
    missing = [digest for digest in sorted(set(needed) - there) if not await blobs.has(digest)]
    return Scrubbed(intact=intact, damaged=tuple(damaged), missing=tuple(missing))


async def _collect_trash(
    blobs: KeptBlobs, referenced: Collection[Digest], old: datetime, done: Collected, progress: Progress
) -> Collected:
    listed = [blob async for blob in blobs.stored(Area.TRASH)]
    back, purged = done.brought_back, done.purged
    for number, blob in enumerate(listed):
        progress("trash", number, len(listed))
        if blob.digest in referenced:
            back += blob
            if not done.dry_run:
                await blobs.move(blob.digest, Area.TRASH, Area.BLOBS)
        elif blob.written_at < old:
            purged += blob
            if not done.dry_run:
                await blobs.purge(blob.digest, Area.TRASH)
    return done.model_copy(update={"brought_back": back, "purged": purged})


async def _collect_blobs(
    blobs: KeptBlobs, referenced: Collection[Digest], old: datetime, done: Collected, progress: Progress
) -> Collected:
    listed = [blob async for blob in blobs.stored()]
    kept, young, aside = done.referenced, done.young, done.set_aside
    candidates = []
    for blob in listed:
        if blob.digest in referenced:
            kept += blob
        elif blob.written_at >= old:
            young += blob
        else:
            candidates.append(blob)

    async def set_aside(blob: StoredBlob) -> bool:
        return done.dry_run or await blobs.move(blob.digest, Area.BLOBS, Area.TRASH, written_before=old)

    async for blob, moved in each(candidates, set_aside):
        progress("sweeping", aside.blobs, len(candidates))
        if moved:
            aside += blob
        else:
            young += blob
    return done.model_copy(update={"referenced": kept, "young": young, "set_aside": aside})


async def _sound_or_quarantined(blobs: KeptBlobs, blob: StoredBlob) -> bool:
    """Read twice before it is called damaged: a writer may have healed it, a line may have garbled it."""
    for _ in range(2):
        try:
            await blobs.get(blob.digest)
        except CorruptBlob:
            continue
        except NotFoundError:
            return True  # removed since it was listed: not this one's damage
        return True
    await blobs.move(blob.digest, Area.BLOBS, Area.QUARANTINE)
    return False
