"""A registry that lies: passwords stay at home, and what is no image is not taken for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from image_samples import sample_image

from qlayer.errors import InputError, StoreError
from qlayer.packaging.oci import MANIFEST_TYPE, artifact
from qlayer.packaging.reference import Reference
from qlayer.packaging.registry import Registry
from qlayer.packaging.registry_http import MAX_MANIFEST_BYTES
from qlayer.types.ids import Digest, canonical_json, sha256

REFERENCE = Reference.parse("registry.test/books:1.0")


async def registry(answer: Callable[[httpx.Request], httpx.Response]) -> Registry:
    return Registry(REFERENCE, user=("ada", "only-for-registry"), transport=httpx.MockTransport(answer))


async def test_the_password_goes_to_no_other_host() -> None:
    seen: list[tuple[str, bool]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, "authorization" in request.headers))
        if request.method == "HEAD":
            return httpx.Response(404)
        if request.method == "POST":
            return httpx.Response(202, headers={"location": "https://elsewhere.test/upload?x=1"})
        return httpx.Response(201)

    async with await registry(answer) as there:
        with pytest.raises(StoreError):
            await there.push(sample_image(), (sample_image(),))
    assert ("elsewhere.test", False) in seen
    assert {host for host, told in seen if told} == {"registry.test"}


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"{}", b'{"config": {"digest": "../../x"}, "layers": []}', b'{"config": 1, "layers": 2}'],
)
async def test_what_is_no_manifest_is_refused(manifest: bytes) -> None:
    async with await registry(lambda _: httpx.Response(200, content=manifest)) as there:
        with pytest.raises(StoreError, match=r"no image manifest|no digest"):
            await there.pull()


async def test_an_answer_without_end_is_cut() -> None:
    pieces = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal pieces
        while True:
            pieces += 1
            yield b" " * 1024 * 1024

    async with await registry(lambda _: httpx.Response(200, content=endless())) as there:
        with pytest.raises(StoreError, match="more than"):
            await there.pull()
    assert pieces <= MAX_MANIFEST_BYTES // 1024**2 + 1


async def test_a_blob_larger_than_the_manifest_says_is_cut() -> None:
    small = {"digest": sha256(b"x"), "size": 1, "mediaType": "x"}
    manifest = canonical_json({"config": small, "layers": []})

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=manifest if "/manifests/" in request.url.path else b"x" * 9)

    async with await registry(answer) as there:
        with pytest.raises(StoreError, match="more than 1 bytes"):
            await there.pull()


async def test_an_upload_without_an_address_and_another_digest_are_told() -> None:
    async with await registry(
        lambda request: httpx.Response(202 if request.method == "POST" else 404)
    ) as there:
        with pytest.raises(StoreError, match="where to upload"):
            await there.push(sample_image())

    def liar(request: httpx.Request) -> httpx.Response:
        told = {"docker-content-digest": sha256(b"another")}
        return httpx.Response(200 if request.method == "HEAD" else 201, headers=told)

    async with await registry(liar) as there:
        with pytest.raises(StoreError, match="speaks of"):
            await there.push(sample_image())


async def test_what_is_attached_to_another_image_is_refused() -> None:
    image = sample_image()
    mine = artifact(image, "k", b"mine", "t/x")
    stray = artifact(mine, "k", b"stray", "t/x")
    served = {one.digest: one.manifest for one in (mine, stray)}
    served |= {digest: data for one in (mine, stray) for digest, data in one.blobs.items()}
    listed: list[str] = [mine.digest]

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rsplit("/", 1)[-1]
        if "/referrers/" in request.url.path:
            entries = [{"digest": digest, "mediaType": MANIFEST_TYPE} for digest in listed]
            return httpx.Response(200, json={"manifests": entries})
        return httpx.Response(200, content=served[Digest(name)])

    async with await registry(answer) as there:
        assert await there.attached(image.digest) == (mine,)
        listed.append(stray.digest)
        with pytest.raises(StoreError, match="about another"):
            await there.attached(image.digest)
        listed[:] = ["../../x"]
        with pytest.raises(StoreError, match="list of attachments"):
            await there.attached(image.digest)


@pytest.mark.parametrize(
    ("realm", "trusted"),
    [
        ("https://registry.test/token", True),
        ("/token", True),
        ("https://auth.registry.test/token", False),
        ("https://test/token", False),
        ("https://elsewhere.test/token", False),
        ("http://registry.test/token", False),
    ],
)
async def test_a_token_is_fetched_and_the_password_told_to_whom_it_belongs(realm: str, trusted: bool) -> None:
    seen: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        login = request.headers.get("authorization", "").partition(" ")[0]
        seen.append((request.url.path, login))
        if request.url.path == "/token":
            assert dict(request.url.params) == {"service": "registry", "scope": "repository:books:pull"}
            return httpx.Response(200, json={"token": "short-lived"})
        if login != "Bearer":
            challenge = f'Bearer realm="{realm}",service="registry",scope="repository:books:pull"'
            return httpx.Response(401, headers={"www-authenticate": challenge})
        assert request.headers["authorization"] == "Bearer short-lived"
        return httpx.Response(404)

    async with await registry(answer) as there:
        with pytest.raises(StoreError, match="404"):
            await there.pull()
    assert seen[1] == ("/token", "Basic" if trusted else "")
    assert [login for path, login in seen if path != "/token"] == ["Basic", "Bearer"]


async def test_a_login_that_stays_refused_ends() -> None:
    refused = httpx.Response(401, headers={"www-authenticate": 'Bearer realm="file:///etc/passwd"'})
    async with await registry(lambda _: refused) as there:
        with pytest.raises(StoreError, match="tokens cannot be had"):
            await there.pull()
    async with await registry(lambda _: httpx.Response(401, headers={"www-authenticate": "Basic"})) as there:
        with pytest.raises(StoreError, match="401"):
            await there.pull()


@pytest.mark.parametrize("name", ["a..b", "a//b", "a._b", "A/b", "a/", "a___b", "-a", "a" * 256, "a:"])
def test_names_outside_the_grammar_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        Reference.parse(f"registry.test/{name}")


@pytest.mark.parametrize("name", ["a.b", "a__b", "a--b/c_d", "a/b/c", "0"])
def test_names_of_the_grammar_are_taken(name: str) -> None:
    assert Reference.parse(f"registry.test/{name}:1.0").name == name
