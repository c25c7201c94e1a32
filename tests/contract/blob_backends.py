"""Every backend of the blobs, with a way to damage what it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from store_servers import S3Server

from qlayer.store.blobs import open_blobs
from qlayer.store.config import StoreConfig
from qlayer.store.fake import FakeBlobs
from qlayer.store.keeping import KeptBlobs
from qlayer.types.ids import Digest


@dataclass(frozen=True)
class Case:
    blobs: KeptBlobs
    damage: Callable[[Digest], Awaitable[None]]
    """Overwrite the stored bytes of a blob behind the store's back."""


def fake_case() -> Case:
    blobs = FakeBlobs()

    async def damage(digest: Digest) -> None:
        blobs.content[digest] = b"damaged"

    return Case(blobs, damage)


def directory_case(root: Path) -> Case:
    async def damage(digest: Digest) -> None:
        (root / digest[7:9] / digest[9:]).write_bytes(b"damaged")

    return Case(open_blobs(StoreConfig(blobs_url=str(root), records_url="")), damage)


def s3_config(server: S3Server, prefix: str) -> StoreConfig:
    return StoreConfig(
        blobs_url=f"s3://{server.bucket}/{prefix}",
        records_url="",
        blobs_options={"endpoint_url": server.endpoint_url},
    )


def s3_case(server: S3Server, prefix: str) -> Case:
    import s3fs

    async def damage(digest: Digest) -> None:
        filesystem = s3fs.S3FileSystem(endpoint_url=server.endpoint_url)
        path = f"{server.bucket}/{prefix}/{digest[7:9]}/{digest[9:]}"
        await asyncio.to_thread(filesystem.pipe_file, path, b"damaged")

    return Case(open_blobs(s3_config(server, prefix)), damage)
