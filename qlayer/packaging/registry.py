"""Images to and from a registry, by the OCI distribution specification 1.1.

Blobs go first, then the manifest, then the tag: a push that is killed leaves nothing that can be pulled half.
What is there already is not sent again. Where a registry has no referrers API, attachments are listed under
the tag that the specification's fallback names. Nothing that a registry says is believed: every byte is held
against its digest and its size, and an attachment against the image that it says it is about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import httpx

from qlayer.errors import StoreError
from qlayer.packaging.oci import INDEX_TYPE, MANIFEST_TYPE, MAX_LAYOUT_FILE_BYTES, Descriptor, Image
from qlayer.packaging.reference import Reference
from qlayer.packaging.registry_http import MAX_MANIFEST_BYTES, Answer, Login, RegistryHttp
from qlayer.types.ids import Digest, canonical_json, is_digest, sha256

MAX_ATTACHED = 100
"""More attachments than this are not pulled: a capsule has one for each signature and one more."""


class Registry:
    """One repository of a registry. `plain` speaks HTTP without TLS, for registries on loopback."""

    def __init__(
        self,
        reference: Reference,
        *,
        plain: bool = False,
        user: tuple[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._reference = reference
        base = f"{'http' if plain else 'https'}://{reference.host}/v2/{reference.name}/"
        login = Login(*user) if user is not None else None
        self._http = RegistryHttp(base, str(reference), login, transport)

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
        manifest = await self._manifest(wanted)
        try:
            parsed = json.loads(manifest)
            named = [_descriptor(one) for one in (parsed["config"], *parsed["layers"])]
        except (ValueError, KeyError, TypeError):
            raise StoreError(f"{self._reference} is no image manifest") from None
        return Image(manifest=manifest, blobs={one.digest: await self._blob(one) for one in named})

    async def attached(self, digest: Digest) -> tuple[Image, ...]:
        """What is attached to an image of this repository. Raises `StoreError` when something is not."""
        answer = await self._http.ask("GET", f"referrers/{digest}", (200, 404), limit=MAX_MANIFEST_BYTES)
        listed = self._listed(answer) if answer.status == 200 else await self._fallback(digest)
        if len(listed) > MAX_ATTACHED:
            raise StoreError(f"{self._reference} has {len(listed)} attachments, more than {MAX_ATTACHED}")
        pulled = tuple([await self.pull(Digest(one["digest"])) for one in listed])
        stray = next((one for one in pulled if _subject(one) != digest), None)
        if stray is not None:
            raise StoreError(f"{self._reference}: {stray.digest} is listed as attached and is about another")
        return pulled

    async def _put(self, image: Image, name: str) -> None:
        for digest, data in image.blobs.items():
            await self._put_blob(digest, data)
        kind = {"content-type": image.parsed["mediaType"]}
        answer = await self._http.ask(
            "PUT", f"manifests/{name}", (201,), content=image.manifest, headers=kind
        )
        self._check_told_digest(answer, image.digest)

    async def _put_blob(self, digest: Digest, data: bytes) -> None:
        if (await self._http.ask("HEAD", f"blobs/{digest}", (200, 404))).status == 200:
            return
        opened = await self._http.ask("POST", "blobs/uploads/", (202,), content=b"")
        location = opened.headers.get("location")
        if not location:
            raise StoreError(f"{self._reference}: the registry did not say where to upload to")
        place = opened.url.join(location).copy_add_param("digest", digest)
        binary = {"content-type": "application/octet-stream"}
        await self._http.ask("PUT", str(place), (201,), content=data, headers=binary)

    async def _has_referrers(self, image: Image) -> bool:
        path = f"referrers/{image.digest}"
        return (await self._http.ask("GET", path, (200, 404), limit=MAX_MANIFEST_BYTES)).status == 200

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
        await self._http.ask("PUT", place, (201,), content=canonical_json(index), headers=kind)

    async def _fallback(self, digest: Digest) -> list[dict[str, Any]]:
        """What the index under the fallback tag lists."""
        place, kind = f"manifests/{_fallback_tag(digest)}", {"accept": INDEX_TYPE}
        answer = await self._http.ask("GET", place, (200, 404), headers=kind, limit=MAX_MANIFEST_BYTES)
        return self._listed(answer) if answer.status == 200 else []

    def _listed(self, answer: Answer) -> list[dict[str, Any]]:
        try:
            listed: list[dict[str, Any]] = answer.json()["manifests"]
            if not all(is_digest(one["digest"]) for one in listed):
                raise ValueError("no digest")
        except (ValueError, KeyError, TypeError):
            raise StoreError(f"{self._reference}: the registry's list of attachments is none") from None
        return listed

    async def _manifest(self, wanted: Digest | None) -> bytes:
        path, accept = f"manifests/{wanted or self._reference.tag}", {"accept": MANIFEST_TYPE}
        answer = await self._http.ask("GET", path, (200,), headers=accept, limit=MAX_MANIFEST_BYTES)
        if wanted is not None:
            self._check(answer.body, wanted)
        self._check_told_digest(answer, sha256(answer.body))
        return answer.body

    async def _blob(self, described: Descriptor) -> bytes:
        path = f"blobs/{described.digest}"
        answer = await self._http.ask("GET", path, (200,), limit=described.size)
        self._check(answer.body, described.digest)
        return answer.body

    def _check(self, data: bytes, digest: Digest) -> None:
        if sha256(data) != digest:
            raise StoreError(f"{self._reference}: the registry sent other bytes than {digest}")

    def _check_told_digest(self, answer: Answer, digest: Digest) -> None:
        """The header is optional, but where it is given it has to be right."""
        told = answer.headers.get("docker-content-digest", digest)
        if told != digest:
            raise StoreError(f"{self._reference}: the registry speaks of {told[:80]!r}, not of {digest}")


def _descriptor(found: dict[str, Any]) -> Descriptor:
    """Raises `ValueError`, `KeyError`, `TypeError`."""
    if not is_digest(found["digest"]) or not 0 <= found["size"] <= MAX_LAYOUT_FILE_BYTES:
        raise ValueError("no digest, or too large")
    kind = str(found.get("mediaType", ""))
    return Descriptor(media_type=kind, digest=Digest(found["digest"]), size=found["size"])


def _subject(artifact: Image) -> str | None:
    subject = artifact.parsed.get("subject")
    return subject.get("digest") if isinstance(subject, dict) else None


def _fallback_tag(digest: Digest) -> str:
    return digest.replace(":", "-")
