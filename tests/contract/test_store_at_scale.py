"""A thousand capsules on SeaweedFS: stored by writers that are killed, listed, fetched, collected, scrubbed.

Slow: minutes. `pytest -m slow -s tests/contract/test_store_at_scale.py` prints the numbers.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from blob_backends import s3_config
from capsule_samples import ANSWERS
from store_servers import S3Server

from qlayer.packaging.capsule import Capsules
from qlayer.packaging.upkeep import Upkeep
from qlayer.store.at_once import each
from qlayer.store.blobs import open_blobs
from qlayer.store.clock import utc_now
from qlayer.store.config import StoreConfig
from qlayer.store.records import open_records
from qlayer.store.references import references
from qlayer.store.releases import SqlReleases

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(3600)]

CAPSULES = 1_000
KILLS = 3
GARBAGE = 100


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds = time.perf_counter() - began
    print(f"{what}: {count} in {seconds:.1f} s, {count / seconds:.0f}/s")


def written(config: StoreConfig, first: int, count: int, kill_after: int | None) -> int:
    """How many a writer said to have stored; killed by signal 9 in the middle of the next one."""
    command = [sys.executable, str(Path(__file__).with_name("store_writer.py"))]
    command += [config.model_dump_json(), str(first), str(count)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        assert writer.stdout is not None
        for _ in writer.stdout:
            said += 1
            if said == kill_after:
                time.sleep(0.005 * (first % 7))  # somewhere else in the next capsule each time
                writer.kill()
    assert writer.returncode == (0 if kill_after is None else -9)
    return said


async def test_a_thousand_capsules_survive_killed_writers(s3_server: S3Server, tmp_path: Path) -> None:
    await show(s3_server, tmp_path, CAPSULES)


async def show(s3_server: S3Server, folder: Path, count: int) -> None:
    plain = s3_config(s3_server, f"{folder.name}/scale")
    config = plain.model_copy(update={"records_url": f"sqlite+aiosqlite:///{folder}/q.db"})
    with timed("stored, with killed writers", count):
        done = 0
        for _ in range(KILLS):
            share = count // (KILLS + 1)
            done += await asyncio.to_thread(written, config, done, count, share)
        await asyncio.to_thread(written, config, done, count - done, None)

    records, blobs = await open_records(config.records_url), open_blobs(config)
    capsules, releases = Capsules(blobs, records), SqlReleases(records.database)
    upkeep = Upkeep(blobs, releases, lambda: references(records.database), utc_now)
    with timed("listed", count):
        listed = await records.capsules(limit=2 * count)
    assert len(listed) == count, "what a writer said to have stored is there, once"
    with timed("fetched and checked", count):
        async for _, (manifest, tree) in each([one.id for one in listed], capsules.load):
            assert manifest.tree == tree.digest

    for number in range(GARBAGE):
        await blobs.put(f"nobody's {number}".encode())
    stock = await upkeep.stock()
    print(f"{stock.blobs.blobs} blobs, {stock.blobs.bytes} bytes; files shared {stock.shared:.1f} times")
    with timed("marked and swept", stock.blobs.blobs):
        collected = await upkeep.collect(grace=timedelta())
    print(collected.model_dump_json())
    assert GARBAGE <= collected.set_aside.blobs <= GARBAGE + 2 * KILLS, (
        "killed writers left a manifest or file"
    )
    assert collected.referenced.blobs == 2 * count + 3 + len(ANSWERS)
    with timed("read again and hashed", collected.referenced.blobs):
        scrubbed = await upkeep.scrub()
    assert scrubbed.ok and scrubbed.intact == collected.referenced
    last = await upkeep.collect(grace=timedelta())
    assert (last.purged, last.set_aside.blobs) == (collected.set_aside, 0)
    for one in listed[:: max(1, count // 10)]:
        assert (await capsules.verify(one.id)).ok
    await records.aclose()
