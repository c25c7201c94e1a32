"""A registry that lies: passwords stay at home, and what is no image is not taken for one."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from image_samples import sample_image

from qlayer.errors import StoreError
from qlayer.packaging.registry import Reference, Registry

REFERENCE = Reference.parse("registry.test/books:1.0")


async def registry(answer: Callable[[httpx.Request], httpx.Response]) -> Registry:
    made = Registry(REFERENCE, user=("ada", "only-for-registry"))
    made._http._transport = httpx.MockTransport(answer)
    return made


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
