"""What every blob store must do so that it can be looked after: ages, the trash, the quarantine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from blob_backends import Case

from qlayer.errors import CorruptBlob, NotFoundError
from qlayer.store.keeping import Area, KeptBlobs, StoredBlob
from qlayer.types.ids import Digest, sha256


async def stored(blobs: KeptBlobs, area: Area = Area.BLOBS) -> list[StoredBlob]:
    return [blob async for blob in blobs.stored(area)]


async def digests(blobs: KeptBlobs, area: Area = Area.BLOBS) -> list[Digest]:
    return [blob.digest for blob in await stored(blobs, area)]


async def test_sizes_and_times_are_known_without_reading(case: Case) -> None:
    began = datetime.now(UTC) - timedelta(seconds=2)
    await case.blobs.put(b"12345")
    (blob,) = await stored(case.blobs)
    assert (blob.digest, blob.size_bytes) == (sha256(b"12345"), 5)
    assert began < blob.written_at < datetime.now(UTC) + timedelta(seconds=2)


async def test_what_lies_in_the_trash_is_not_listed_and_comes_back_when_it_is_read(case: Case) -> None:
    one, other = await case.blobs.put(b"one"), await case.blobs.put(b"other")
    for digest in (one, other):
        assert await case.blobs.move(digest, Area.BLOBS, Area.TRASH)
        assert not await case.blobs.move(digest, Area.BLOBS, Area.TRASH)
    assert [digest async for digest in case.blobs.list()] == []
    assert await digests(case.blobs, Area.TRASH) == sorted((one, other))
    assert await case.blobs.get(one) == b"one"
    assert await case.blobs.has(other)
    assert await digests(case.blobs) == sorted((one, other))
    assert await digests(case.blobs, Area.TRASH) == []


async def test_what_was_written_since_stays(case: Case) -> None:
    digest = await case.blobs.put(b"young")
    (blob,) = await stored(case.blobs)
    assert not await case.blobs.move(digest, Area.BLOBS, Area.TRASH, written_before=blob.written_at)
    assert await digests(case.blobs) == [digest]
    later = blob.written_at + timedelta(minutes=1)
    assert await case.blobs.move(digest, Area.BLOBS, Area.TRASH, written_before=later)


async def test_a_blob_that_is_there_is_never_written_over_from_aside(case: Case) -> None:
    digest = await case.blobs.put(b"precious")
    await case.damage(digest)
    assert await case.blobs.move(digest, Area.BLOBS, Area.QUARANTINE)
    await case.blobs.put(b"precious")
    assert await case.blobs.move(digest, Area.QUARANTINE, Area.BLOBS)
    assert await case.blobs.get(digest) == b"precious"
    assert await digests(case.blobs, Area.QUARANTINE) == []


async def test_what_is_damaged_and_set_aside_does_not_come_back_by_itself(case: Case) -> None:
    digest = await case.blobs.put(b"precious")
    await case.damage(digest)
    with pytest.raises(CorruptBlob):
        await case.blobs.get(digest)
    await case.blobs.move(digest, Area.BLOBS, Area.QUARANTINE)
    with pytest.raises(NotFoundError):
        await case.blobs.get(digest)


async def test_purged_is_gone_and_purging_again_is_no_error(case: Case) -> None:
    digest = await case.blobs.put(b"short-lived")
    await case.blobs.move(digest, Area.BLOBS, Area.TRASH)
    await case.blobs.purge(digest, Area.TRASH)
    await case.blobs.purge(digest, Area.TRASH)
    assert not await case.blobs.has(digest)
    assert not await case.blobs.move(digest, Area.TRASH, Area.BLOBS)


async def test_putting_again_makes_a_blob_young(case: Case) -> None:
    await case.blobs.put(b"again")
    (first,) = await stored(case.blobs)
    await case.blobs.put(b"again")
    (second,) = await stored(case.blobs)
    assert second.written_at >= first.written_at
    assert not await case.blobs.move(second.digest, Area.BLOBS, Area.TRASH, written_before=second.written_at)


async def test_nothing_half_written_is_nothing_to_clear(case: Case) -> None:
    await case.blobs.put(b"whole")
    assert await case.blobs.clear_partial(datetime.now(UTC) + timedelta(days=1)) == 0
