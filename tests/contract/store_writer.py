"""Packs numbered capsules until it is done or killed: python store_writer.py CONFIG FIRST COUNT."""

from __future__ import annotations

import asyncio
import sys

from capsule_samples import ANSWERS, FILES, sample_manifest, sample_tree

from qlayer.packaging.capsule import Capsules
from qlayer.store.blobs import open_blobs
from qlayer.store.config import StoreConfig
from qlayer.store.records import open_records


async def write(config: StoreConfig, first: int, count: int) -> None:
    """One file of each capsule is its own, the others are shared by all."""
    records = await open_records(config.records_url)
    blobs = open_blobs(config)
    capsules = Capsules(blobs, records)
    for answer in ANSWERS.values():
        await blobs.put(answer)
    for number in range(first, first + count):
        tree = sample_tree({**FILES, "src/number.py": f"NUMBER = {number}\n".encode()})
        await capsules.pack(sample_manifest(tree), tree)
        print(number, flush=True)
    await records.aclose()


if __name__ == "__main__":
    asyncio.run(write(StoreConfig.model_validate_json(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
