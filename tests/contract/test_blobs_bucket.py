"""What a bucket does beyond the contract of all blobs: parts, links, retention, and saying what is wrong."""

from __future__ import annotations

import asyncio
import os
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from blob_backends import s3_config
from store_servers import PASSWORD, S3Server

from qlayer.errors import InputError, NotFoundError, StoreError
from qlayer.store.blobs import open_blobs
from qlayer.store.bucket import MAX_LINK_S, MULTIPART_BYTES, PART_BYTES, BucketBlobs
from qlayer.store.keeping import Area
from qlayer.types.ids import sha256

pytestmark = pytest.mark.server


def bucket(server: S3Server, prefix: str, **options: str) -> BucketBlobs:
    config = s3_config(server, prefix)
    blobs = open_blobs(config.model_copy(update={"blobs_options": {**config.blobs_options, **options}}))
    assert isinstance(blobs, BucketBlobs)
    return blobs


async def test_a_large_blob_goes_in_parts_and_an_abandoned_upload_is_cleared(s3_server: S3Server) -> None:
    blobs = bucket(s3_server, "parts")
    data = os.urandom(64) * (MULTIPART_BYTES // 64 + 1)
    digest = await blobs.put(data)
    assert await blobs.get(digest) == data
    found = await blobs._call("head_object", Key=f"parts/{digest[7:9]}/{digest[9:]}")
    assert found["ETag"].strip('"').endswith(f"-{-(-len(data) // PART_BYTES)}"), "it was sent in parts"

    await blobs._call("create_multipart_upload", Key="parts/ab/killed")
    now = datetime.now(UTC)
    assert await blobs.clear_partial(now - timedelta(hours=1)) == 0
    assert await blobs.clear_partial(now + timedelta(hours=1)) == 1
    assert await blobs.clear_partial(now + timedelta(hours=1)) == 0
    assert [one async for one in blobs.list()] == [digest]


async def test_a_link_reads_one_blob_without_credentials(s3_server: S3Server) -> None:
    blobs = bucket(s3_server, "links")
    digest = await blobs.put(b"for a friend")
    url = await blobs.link(digest, 600)
    read = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read())
    assert read == b"for a friend" and PASSWORD not in url
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    with pytest.raises(urllib.request.HTTPError, match="403"):
        await asyncio.to_thread(urllib.request.urlopen, url.replace(digest[-8:], "0" * 8))
    with pytest.raises(InputError):
        await blobs.link(digest, MAX_LINK_S + 1)
    with pytest.raises(NotFoundError):
        await blobs.link(sha256(b"absent"), 60)


async def test_what_is_locked_outlives_its_removal(s3_server: S3Server) -> None:
    plain = bucket(s3_server, "x")
    await plain._asked(
        lambda: plain._s3.call_s3("create_bucket", Bucket="locked", ObjectLockEnabledForBucket=True)
    )
    locked = bucket(S3Server(s3_server.endpoint_url, "locked"), "x", lock_days="1")
    facts = await locked.facts()
    assert facts.versioning and facts.object_lock
    digest = await locked.put(b"kept by law")
    assert await locked.move(digest, Area.BLOBS, Area.TRASH)
    await locked.purge(digest, Area.TRASH)
    assert not await locked.has(digest)
    key = f"x/{digest[7:9]}/{digest[9:]}"
    versions = (await locked._call("list_object_versions", Prefix=key))["Versions"]
    (kept,) = versions
    with pytest.raises(StoreError, match="Access Denied"):
        await locked._call("delete_object", Key=key, VersionId=kept["VersionId"])
    older = await locked._asked(
        lambda: locked._s3.call_s3("get_object", Bucket="locked", Key=key, VersionId=kept["VersionId"])
    )
    assert older["ContentLength"] == len(b"kept by law")
    assert not (await plain.facts()).object_lock
    with pytest.raises(StoreError):
        await bucket(s3_server, "x", lock_days="1").put(b"no lock here")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("AWS_SECRET_ACCESS_KEY", "wrong-on-purpose", "signature"), ("AWS_ACCESS_KEY_ID", "nobody", "key")],
)
async def test_wrong_credentials_are_told_at_every_call(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    blobs = bucket(s3_server, "denied")
    calls: tuple[Callable[[], Any], ...] = (
        lambda: blobs.put(b"x"),
        lambda: blobs.get(sha256(b"x")),
        lambda: blobs.has(sha256(b"x")),
    )
    for call in calls:
        with pytest.raises(StoreError, match="refuses these credentials") as raised:
            await call()
        assert not raised.value.retryable and "AWS_ACCESS_KEY_ID" in str(raised.value.hint)
        assert "wrong-on-purpose" not in repr(raised.value)
    with pytest.raises(StoreError, match=says):
        await blobs.put(b"x")
