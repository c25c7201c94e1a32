"""What capsules, signatures and runs name is never collected; what nobody names is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from capsule_samples import ANSWERS, RUN, sample_manifest, sample_record, sample_tree

from qlayer.errors import StoreError
from qlayer.packaging.attestation import Attestations
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.upkeep import Upkeep
from qlayer.signing.key_file import KeyFolder
from qlayer.store.fake import FakeBlobs
from qlayer.store.records import SqlRecords, open_records
from qlayer.store.references import references
from qlayer.store.releases import SqlReleases
from qlayer.types.ids import CapsuleId, Digest, sha256
from qlayer.types.run import RunRequest

TREE = sample_tree()
MANIFEST = sample_manifest(TREE)


class World:
    """A store with records in SQLite, and a clock that is hours ahead of everything written."""

    def __init__(self, records: SqlRecords, keys: KeyFolder) -> None:
        self.blobs = FakeBlobs()
        self.records = records
        self.keys = keys
        self.capsules = Capsules(self.blobs, records)
        self.releases = SqlReleases(records.database)
        self.upkeep = Upkeep(
            self.blobs,
            self.releases,
            lambda: references(records.database),
            lambda: datetime.now(UTC) + timedelta(days=2),
        )

    async def packed(self) -> CapsuleId:
        for answer in ANSWERS.values():
            await self.blobs.put(answer)
        return await self.capsules.pack(MANIFEST, TREE)

    async def signed(self) -> CapsuleId:
        capsule = await self.packed()
        self.keys.create("release", datetime.now(UTC))
        attestations = Attestations(self.capsules, self.blobs, self.releases)
        await attestations.sign(capsule, self.keys.signer("release"), datetime.now(UTC))
        return capsule


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    records = await open_records(f"sqlite+aiosqlite:///{tmp_path}/q.db")
    yield World(records, KeyFolder(tmp_path / "keys"))
    await records.aclose()


async def test_a_signed_capsule_keeps_every_blob_of_it(world: World) -> None:
    await world.signed()
    before = set(world.blobs.content)
    garbage = await world.blobs.put(b"nobody's")
    done = await world.upkeep.collect()
    assert done.set_aside.blobs == 1
    assert set(world.blobs.content) == before and garbage not in before
    assert (await world.upkeep.scrub()).ok


async def test_a_run_under_way_keeps_what_it_recorded(world: World) -> None:
    answers = [await world.blobs.put(answer) for answer in ANSWERS.values()]
    await world.records.submit(RUN, RunRequest(text="# Add two numbers"))
    for event in sample_record(TREE).events[1:]:
        await world.records.append(RUN, event.body)
    assert (await world.upkeep.collect()).set_aside.blobs == 0
    assert set(world.blobs.content) == set(answers)


async def test_without_a_readable_manifest_nothing_is_collected(world: World) -> None:
    capsule = await world.packed()
    await world.blobs.put(b"nobody's")
    world.blobs.content[Digest(capsule)] = b"damaged"
    before = dict(world.blobs.content)
    with pytest.raises(StoreError, match="nothing was collected"):
        await world.upkeep.collect()
    assert world.blobs.content == before
    found = await world.upkeep.scrub()
    assert found.damaged == found.missing == (Digest(capsule),)


async def test_a_lost_file_answer_or_signature_is_named(world: World) -> None:
    capsule = await world.signed()
    (signature,) = await world.releases.attestations(capsule)
    lost = {MANIFEST.files["src/add.py"], sha256(ANSWERS[0]), signature.envelope}
    for digest in lost:
        await world.blobs.delete(digest)
    found = await world.upkeep.scrub()
    assert set(found.missing) == lost and not found.damaged


async def test_what_capsules_share_is_weighed(world: World) -> None:
    await world.packed()
    other = sample_tree({**TREE.files, "src/more.py": b"more = 1\n"})
    await world.capsules.pack(sample_manifest(other), other)
    stock = await world.upkeep.stock()
    one = sum(map(len, TREE.files.values()))
    assert (stock.capsules, stock.named_bytes) == (2, 2 * one + len(b"more = 1\n"))
    assert stock.stored_bytes == one + len(b"more = 1\n")
    assert 1.9 < stock.shared < 2
