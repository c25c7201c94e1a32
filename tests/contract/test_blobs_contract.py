"""What every blob store must do, whichever backend it is."""

from __future__ import annotations

import asyncio

import pytest
from blob_backends import Case, s3_config
from store_servers import S3Server, free_ports

from qlayer.errors import ConfigurationError, CorruptBlob, InputError, NotFoundError, StoreError
from qlayer.store.base import Blobs
from qlayer.store.blobs import open_blobs
from qlayer.store.config import StoreConfig
from qlayer.types.ids import Digest, sha256


async def _listed(blobs: Blobs) -> list[Digest]:
    return [digest async for digest in blobs.list()]


@pytest.mark.parametrize("data", [b"", b"text", bytes(range(256)) * 40_000], ids=["empty", "short", "10 MB"])
async def test_bytes_come_back_under_their_digest(case: Case, data: bytes) -> None:
    digest = await case.blobs.put(data)
    assert digest == sha256(data)
    assert await case.blobs.get(digest) == data
    assert await case.blobs.has(digest)


async def test_the_same_bytes_are_one_blob_even_when_put_at_once(case: Case) -> None:
    digests = await asyncio.gather(*(case.blobs.put(b"same") for _ in range(8)))
    assert set(digests) == {sha256(b"same")}
    assert await _listed(case.blobs) == [sha256(b"same")]


async def test_an_empty_store_lists_nothing_and_has_nothing(case: Case) -> None:
    assert await _listed(case.blobs) == []
    assert not await case.blobs.has(sha256(b"absent"))


async def test_all_blobs_are_listed(case: Case) -> None:
    digests = [await case.blobs.put(str(number).encode()) for number in range(20)]
    assert sorted(await _listed(case.blobs)) == sorted(digests)


async def test_a_missing_blob_is_not_found(case: Case) -> None:
    with pytest.raises(NotFoundError) as raised:
        await case.blobs.get(sha256(b"absent"))
    assert raised.value.kind == "blob"


async def test_deleted_is_gone_and_deleting_again_is_no_error(case: Case) -> None:
    digest = await case.blobs.put(b"short-lived")
    await case.blobs.delete(digest)
    await case.blobs.delete(digest)
    assert not await case.blobs.has(digest)
    assert await _listed(case.blobs) == []


async def test_damage_is_seen_on_reading_and_healed_by_writing_again(case: Case) -> None:
    digest = await case.blobs.put(b"precious")
    await case.damage(digest)
    with pytest.raises(CorruptBlob, match=digest):
        await case.blobs.get(digest)
    await case.blobs.put(b"precious")
    assert await case.blobs.get(digest) == b"precious"


@pytest.mark.parametrize(
    "name", ["", "sha256:", "../../etc/passwd", "sha256:" + "A" * 64, "sha256:" + "0" * 65]
)
async def test_what_is_no_digest_is_refused(case: Case, name: str) -> None:
    for call in (case.blobs.get, case.blobs.has, case.blobs.delete):
        with pytest.raises(InputError) as raised:
            await call(Digest(name))
        assert raised.value.field == "digest"


@pytest.mark.server
async def test_a_missing_bucket_is_named(s3_server: S3Server) -> None:
    config = StoreConfig(
        blobs_url="s3://no-such-bucket/x",
        records_url="",
        blobs_options={"endpoint_url": s3_server.endpoint_url},
    )
    blobs = open_blobs(config)
    with pytest.raises(StoreError, match="no-such-bucket does not exist"):
        await blobs.put(b"x")
    with pytest.raises(StoreError, match="no-such-bucket does not exist"):
        await blobs.get(sha256(b"x"))


@pytest.mark.server
async def test_wrong_credentials_are_a_store_error_without_them(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-on-purpose")
    with pytest.raises(StoreError) as raised:
        await open_blobs(s3_config(s3_server, "denied")).put(b"x")
    assert "AWS_SECRET_ACCESS_KEY" in str(raised.value.hint)
    assert "wrong-on-purpose" not in raised.value.message


@pytest.mark.server
async def test_a_server_that_is_away_is_a_retryable_error(s3_server: S3Server) -> None:
    (closed,) = free_ports(1)
    away = S3Server(endpoint_url=f"http://127.0.0.1:{closed}", bucket=s3_server.bucket)
    blobs = open_blobs(s3_config(away, "away"))
    for call in (blobs.put(b"x"), blobs.get(sha256(b"x")), blobs.has(sha256(b"x"))):
        with pytest.raises(StoreError, match="cannot be used") as raised:
            await call
        assert raised.value.retryable


@pytest.mark.parametrize(
    ("url", "options", "says"),
    [
        ("gs://bucket", {}, "gs://"),
        ("s3://", {}, "s3://"),
        ("s3://bucket", {"secret": "x"}, "secret"),
        ("/somewhere", {"endpoint_url": "x"}, "endpoint_url"),
    ],
)
def test_settings_that_cannot_work_are_refused(url: str, options: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        open_blobs(StoreConfig(blobs_url=url, records_url="", blobs_options=options))
