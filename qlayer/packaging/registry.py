"""Images to and from a registry, by the OCI distribution specification 1.1.

Blobs go first, then the manifest, then the tag: a push that is killed leaves nothing that can be pulled half.
What is there already is not sent again. Where a registry has no referrers API, attachments are listed under
the tag that the specification's fallback names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable
from typing import Any

import httpx

from qlayer.errors import InputError, StoreError
from qlayer.packaging.oci import INDEX_TYPE, MANIFEST_TYPE, Image
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, canonical_json, is_digest, sha256

TIMEOUT_S = 60.0
_REFERENCE = re.compile(
    r"(?P<host>[a-zA-Z0-9.-]+(?::\d+)?|\[[0-9a-f:]+\]:\d+)/"
    r"(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?\Z"
)


class Reference(Frozen):
    """Where an image lies: ``host[:port]/name[:tag][@digest]``."""

    host: str
    name: str
    tag: str = "latest"
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Raises `InputError`."""
        found = _REFERENCE.match(text)
        if found is None:
            raise InputError(
                f"{text!r} is no image reference",
                field="reference",
                hint="for example localhost:5000/books:1.0",
            )
        digest = found["digest"]
        return cls(
            host=found["host"],
            name=found["name"],
            tag=found["tag"] or "latest",
            digest=Digest(digest) if digest else None,
        )

    def __str__(self) -> str:
        return f"{self.host}/{self.name}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


class _AtHome(httpx.BasicAuth):
    """A password that goes to the first place it was meant for: a registry may name others for uploads."""

    _home: tuple[str, str, int | None] | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        place = (request.url.scheme, request.url.host, request.url.port)
        self._home = self._home or place
        if place == self._home:
            yield from super().auth_flow(request)
        else:
            yield request


class Registry:
    """One repository of a registry. `plain` speaks HTTP without TLS, for registries on loopback."""

    def __init__(
        self, reference: Reference, *, plain: bool = False, user: tuple[str, str] | None = None
    ) -> None:
        self._reference = reference
        scheme = "http" if plain else "https"
        self._http = httpx.AsyncClient(
            base_url=f"{scheme}://{reference.host}/v2/{reference.name}/",
            timeout=TIMEOUT_S,
            auth=_AtHome(*user) if user is not None else None,
            follow_redirects=True,
        )

    async def __aenter__(self) -> Registry:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._http.aclose()

    async def push(self, image: Image, attached: Iterable[Image] = ()) -> Reference:
        """Push an image under the reference's tag, and what is attached to it. Raises `StoreError`."""
        await self._put(image, self._reference.tag)
        for one in attached:
            await self._put(one, one.digest)
            if not await self._has_referrers(image):
                await self._list_under_fallback_tag(image, one)
        return self._reference.model_copy(update={"digest": image.digest})

    async def pull(self, digest: Digest | None = None) -> Image:
        """The image of this digest, else of the reference, every byte checked. Raises `StoreError`."""
        wanted = digest or self._reference.digest
        manifest = await self._get(f"manifests/{wanted or self._reference.tag}", wanted, MANIFEST_TYPE)
        try:
            parsed = json.loads(manifest)
            named = [Digest(one["digest"]) for one in (parsed["config"], *parsed["layers"])]
        except (ValueError, KeyError, TypeError):
            raise StoreError(f"{self._reference} is no image manifest") from None
        if not all(is_digest(one) for one in named):
            raise StoreError(f"{self._reference} names something that is no digest")
        return Image(manifest=manifest, blobs={one: await self._get(f"blobs/{one}", one) for one in named})

    async def attached(self, digest: Digest) -> tuple[Image, ...]:
        """What is attached to an image of this repository."""
        answer = await self._ask("GET", f"referrers/{digest}", (200, 404))
        listed = answer.json()["manifests"] if answer.status_code == 200 else await self._fallback(digest)
        return tuple([await self.pull(Digest(one["digest"])) for one in listed])

    async def _put(self, image: Image, name: str) -> None:
        for digest, data in image.blobs.items():
            await self._put_blob(digest, data)
        kind = {"content-type": image.parsed["mediaType"]}
        await self._ask("PUT", f"manifests/{name}", (201,), content=image.manifest, headers=kind)

    async def _put_blob(self, digest: Digest, data: bytes) -> None:
        if (await self._ask("HEAD", f"blobs/{digest}", (200, 404))).status_code == 200:
            return
        opened = await self._ask("POST", "blobs/uploads/", (202,))
        place = httpx.URL(opened.headers["location"]).copy_add_param("digest", digest)
        binary = {"content-type": "application/octet-stream"}
        await self._ask("PUT", str(opened.url.join(place)), (201,), content=data, headers=binary)

    async def _has_referrers(self, image: Image) -> bool:
        return (await self._ask("GET", f"referrers/{image.digest}", (200, 404))).status_code == 200

    async def _list_under_fallback_tag(self, image: Image, attached: Image) -> None:
        entry = {
            "mediaType": MANIFEST_TYPE,
            "digest": attached.digest,
            "size": len(attached.manifest),
            "artifactType": attached.parsed.get("artifactType", ""),
        }
        others = [one for one in await self._fallback(image.digest) if one["digest"] != attached.digest]
        index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [*others, entry]}
        kind = {"content-type": INDEX_TYPE}
        place = f"manifests/{_fallback_tag(image.digest)}"
        await self._ask("PUT", place, (201,), content=canonical_json(index), headers=kind)

    async def _fallback(self, digest: Digest) -> list[dict[str, Any]]:
        """What the index under the fallback tag lists."""
        place, kind = f"manifests/{_fallback_tag(digest)}", {"accept": INDEX_TYPE}
        answer = await self._ask("GET", place, (200, 404), headers=kind)
        listed: list[dict[str, Any]] = answer.json()["manifests"] if answer.status_code == 200 else []
        return listed

    async def _get(self, path: str, digest: Digest | None, accept: str = "*/*") -> bytes:
        answer = await self._ask("GET", path, (200,), headers={"accept": accept})
        if digest is not None and sha256(answer.content) != digest:
            raise StoreError(f"{self._reference}: the registry sent other bytes than {digest}")
        return answer.content

    async def _ask(self, method: str, path: str, fine: tuple[int, ...], **more: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, **more)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise StoreError(
                f"{self._reference.host} cannot be reached ({type(error).__name__})",
                hint="is it a registry without TLS? then say so: --plain-http",
            ) from None
        if answer.status_code not in fine:
            raise StoreError(f"{self._reference}: {method} was answered {answer.status_code}: {_why(answer)}")
        return answer


def _fallback_tag(digest: Digest) -> str:
    return digest.replace(":", "-")


def _why(answer: httpx.Response) -> str:
    try:
        return "; ".join(one.get("message", one["code"]) for one in answer.json()["errors"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer.reason_phrase
