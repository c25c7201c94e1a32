"""Garbage goes, what is referenced stays, damage is found; a racing writer loses nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from qlayer.errors import NotFoundError
from qlayer.store.clock import utc_now
from qlayer.store.fake import FakeBlobs
from qlayer.store.keeping import Area
from qlayer.store.sweeping import Collected, collect, scrub
from qlayer.types.ids import Digest, sha256

GRACE = timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.at = utc_now()

    def __call__(self) -> datetime:
        return self.at

    def forward(self, hours: float) -> None:
        self.at += timedelta(hours=hours)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def blobs(clock: Clock) -> FakeBlobs:
    return FakeBlobs(clock)


def quiet(doing: str, done: int, of: int) -> None:
    pass


async def collected(blobs: FakeBlobs, *referenced: Digest, dry_run: bool = False) -> Collected:
    return await collect(blobs, referenced, now=blobs._now(), grace=GRACE, dry_run=dry_run, progress=quiet)


async def test_garbage_goes_in_two_steps_and_the_rest_stays(blobs: FakeBlobs, clock: Clock) -> None:
    used, unused = await blobs.put(b"used"), await blobs.put(b"unused")
    clock.forward(2)
    young = await blobs.put(b"young")
    first = await collected(blobs, used)
    assert (first.referenced.blobs, first.young.blobs, first.set_aside.blobs) == (1, 1, 1)
    assert set(blobs.content) == {used, young} and set(blobs.areas[Area.TRASH]) == {unused}
    again = await collected(blobs, used, young)
    assert (again.purged.blobs, set(blobs.areas[Area.TRASH])) == (0, {unused})
    clock.forward(2)
    last = await collected(blobs, used, young)
    assert (last.purged.blobs, last.purged.bytes) == (1, len(b"unused"))
    assert set(blobs.content) == {used, young} and not blobs.areas[Area.TRASH]
    with pytest.raises(NotFoundError):
        await blobs.get(unused)


async def test_a_dry_run_says_the_same_and_changes_nothing(blobs: FakeBlobs, clock: Clock) -> None:
    unused = await blobs.put(b"unused")
    clock.forward(2)
    told = await collected(blobs, dry_run=True)
    assert told.set_aside.blobs == 1 and set(blobs.content) == {unused}
    assert (await collected(blobs)).set_aside == told.set_aside


async def test_what_came_to_be_referenced_is_brought_back(blobs: FakeBlobs, clock: Clock) -> None:
    digest = await blobs.put(b"late")
    clock.forward(2)
    await collected(blobs)
    clock.forward(2)
    assert (await collected(blobs, digest)).brought_back.blobs == 1
    assert set(blobs.content) == {digest} and not blobs.areas[Area.TRASH]


class RacedBlobs(FakeBlobs):
    """A writer puts the garbage's very bytes after the collector looked at their age for the last time."""

    guarded = True

    async def move(
        self, digest: Digest, source: Area, target: Area, *, written_before: datetime | None = None
    ) -> bool:
        if target is Area.TRASH:
            await self.put(self.content[digest])
            written_before = None
        if target is Area.TRASH and not self.guarded:
            await self.delete(digest)
            return True
        return await super().move(digest, source, target, written_before=written_before)


@pytest.mark.parametrize("guarded", [False, True], ids=["without the trash", "with the trash"])
async def test_a_writer_in_the_last_moment_loses_nothing(clock: Clock, guarded: bool) -> None:
    blobs = RacedBlobs(clock)
    blobs.guarded = guarded
    digest = await blobs.put(b"wanted again")
    clock.forward(2)
    assert (await collected(blobs)).set_aside.blobs == 1
    if not guarded:
        with pytest.raises(NotFoundError):
            await blobs.get(digest)
        return
    clock.forward(2)
    assert (await collected(blobs, digest)).brought_back.blobs == 1
    assert await blobs.get(digest) == b"wanted again"


async def test_scrubbing_finds_damage_and_what_is_missing(blobs: FakeBlobs) -> None:
    sound, hurt = await blobs.put(b"sound"), await blobs.put(b"hurt")
    absent = sha256(b"absent")
    assert (await scrub(blobs, (sound, hurt), progress=quiet)).ok
    blobs.content[hurt] = b"garbled"
    found = await scrub(blobs, (sound, hurt, absent), progress=quiet)
    assert (found.intact.blobs, found.damaged) == (1, (hurt,))
    assert found.missing == tuple(sorted((hurt, absent)))
    assert blobs.areas[Area.QUARANTINE] == {hurt: b"garbled"}
    await blobs.put(b"hurt")
    assert (await scrub(blobs, (sound, hurt), progress=quiet)).ok
