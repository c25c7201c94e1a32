"""Content-addressed upload, and trees put together from digests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from rest_world import Client, World

from qlayer.errors import InputError
from qlayer.types.ids import Digest, sha256
from qlayer.types.source import MAX_FILE_BYTES
from serve_apps.rest.files import tree_of


async def test_bytes_become_a_digest_and_twice_is_once(client: Client, world: World) -> None:
    data = bytes(range(256)) * 4000  # more than a text may have
    async with client() as http:
        first = await http.post("/files", content=data)
        again = await http.post("/files", content=data)
        digest = sha256(data)
        assert first.status_code == 201
        assert first.json() == again.json() == {"digest": digest, "bytes": len(data)}
        assert first.headers["location"] == f"/files/{digest}"
        assert (await http.head(f"/files/{digest}")).status_code == 204
        assert (await http.head(f"/files/{sha256(b'other')}")).status_code == 404
    assert await world.blobs.get(digest) == data
    assert [blob async for blob in world.blobs.list()] == [digest]


async def test_other_bytes_than_announced_are_refused(client: Client, world: World) -> None:
    async with client() as http:
        answer = await http.post("/files", content=b"x", params={"digest": sha256(b"y")})
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "digest"
    assert not [blob async for blob in world.blobs.list()]


async def test_a_file_that_is_too_large_is_refused_announced_or_not(client: Client, world: World) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_FILE_BYTES // (1 << 20) + 1):
            yield bytes(1 << 20)

    async with client() as http:
        for body in (bytes(MAX_FILE_BYTES + 1), chunks()):
            answer = await http.post("/files", content=body)
            assert answer.status_code == 413
            assert answer.json()["errors"][0] == {
                "field": "body",
                "message": f"the body is larger than {MAX_FILE_BYTES} bytes",
                "limit": f"at most {MAX_FILE_BYTES:,} bytes",
            }
    assert not [blob async for blob in world.blobs.list()]


async def test_a_tree_by_digests(world: World) -> None:
    digest = await world.blobs.put(b"print(1)")
    tree = await tree_of({"a/main.py": digest, "b.py": digest}, world.blobs)
    assert dict(tree.files) == {"a/main.py": b"print(1)", "b.py": b"print(1)"}
    with pytest.raises(InputError) as refused:
        await tree_of({"main.py": sha256(b"never sent")}, world.blobs)
    assert refused.value.field == "files.main.py" and refused.value.hint


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("../x", None),
        ("/etc/passwd", None),
        ("a\nb", None),
        ("", "max_bytes=512"),
        ("x" * 300, "max_part_bytes=255"),
        ("x" * 5000, "max_bytes=512"),
    ],
)
async def test_a_bad_name_is_refused_before_anything_is_read(
    world: World, path: str, limit: str | None
) -> None:
    with pytest.raises(InputError) as refused:
        await tree_of({path: Digest("sha256:" + "0" * 64)}, world.blobs)
    assert refused.value.field == "files" and refused.value.limit == limit
