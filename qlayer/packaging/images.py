"""A stored capsule as an image with its evidence attached: bill of materials, and every signature over it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from qlayer.packaging.attestation import Attestations
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.oci import Image, artifact, build_image, read_layout
from qlayer.packaging.provenance import PAYLOAD_TYPE
from qlayer.packaging.sbom import MEDIA_TYPE as CYCLONEDX
from qlayer.packaging.start import start_of
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId


class CapsuleImage(Frozen):
    """An image and what is attached to it."""

    image: Image
    attached: tuple[Image, ...]


class Images:
    """Builds images of stored capsules on one base, an OCI layout (None: on nothing, which runs nowhere)."""

    def __init__(self, capsules: Capsules, attestations: Attestations, base: Path | None) -> None:
        self._capsules = capsules
        self._attestations = attestations
        self._base = base

    async def build(self, capsule: CapsuleId) -> CapsuleImage:
        """The same capsule on the same base gives the same digest, signed or not.

        Raises `InputError` (the base is no layout), `NotFoundError`, `StoreError`.
        """
        manifest, tree = await self._capsules.load(capsule)
        base = await asyncio.to_thread(read_layout, self._base) if self._base is not None else None
        image = build_image(manifest, tree, base, start_of(tree))
        bill = artifact(image, CYCLONEDX, await self._attestations.bill(capsule), CYCLONEDX)
        signed = [
            artifact(image, PAYLOAD_TYPE, envelope, PAYLOAD_TYPE)
            for envelope in await self._attestations.envelopes(capsule)
        ]
        return CapsuleImage(image=image, attached=(bill, *signed))
