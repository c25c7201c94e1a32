"""What stands behind a capsule: its bill of materials, its provenance, and whether it may be released."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from qlayer.governance.policy import SHIPPED, Policy
from qlayer.packaging.facts import release_facts
from qlayer.packaging.images import Images
from qlayer.packaging.oci import layout_files
from qlayer.packaging.sbom import MEDIA_TYPE as CYCLONEDX
from qlayer.signing.key_file import KeyFolder
from qlayer.store.clock import utc_now
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId
from qlayer.types.policy import PolicyDecision, SignedBy
from serve_apps.rest.archive import tar_of
from serve_apps.rest.capsules import CapsulePath
from serve_apps.rest.documentation import BILL, IMAGE, refused
from serve_apps.rest.parts import PartsOf

router = APIRouter()


class Provenance(Frozen):
    """Where a capsule comes from, and who vouches for that."""

    capsule: CapsuleId
    statement: Annotated[dict[str, Any], Field(description="in-toto statement with SLSA v1 provenance.")]
    envelopes: tuple[dict[str, Any], ...]
    """DSSE envelopes with this statement, one for each key that signed; empty: nobody did."""
    signers: tuple[SignedBy, ...]
    """Of these, the ones whose signature counts on this server."""


class PolicyQuestion(Frozen):
    """A release that is to be decided."""

    capsule: Annotated[str, Field(pattern=r"^(sha256:)?[0-9a-f]{6,64}$", description="An id or its prefix.")]
    environment: str = Field(default="production", min_length=1, max_length=63)


@router.get(
    "/capsules/{capsule}/sbom",
    tags=["capsules"],
    response_class=Response,
    responses=BILL | refused(404, 422, 503),
)
async def get_sbom(capsule: CapsulePath, parts: PartsOf) -> Response:
    """The bill of materials in CycloneDX 1.6: the one that was signed, else one made now."""
    found = await parts.platform.records.find_capsule(capsule)
    return Response(await parts.platform.attestations.bill(found.id), media_type=CYCLONEDX)


@router.get("/capsules/{capsule}/provenance", tags=["capsules"], responses=refused(404, 422, 503))
async def get_provenance(capsule: CapsulePath, parts: PartsOf) -> Provenance:
    """Request, model, prompts and what the sandbox saw, with every signature over them."""
    platform = parts.platform
    found = await platform.records.find_capsule(capsule)
    attestations = platform.attestations
    return Provenance(
        capsule=found.id,
        statement=json.loads(await attestations.statement(found.id)),
        envelopes=tuple(map(json.loads, await attestations.envelopes(found.id))),
        signers=await attestations.signers(found.id, KeyFolder(platform.settings.keys_dir).trust()),
    )


@router.get(
    "/capsules/{capsule}/image",
    tags=["capsules"],
    response_class=Response,
    responses=IMAGE | refused(404, 422, 503),
)
async def get_image(capsule: CapsulePath, parts: PartsOf) -> Response:
    """The capsule as an OCI layout in a tar (``skopeo copy oci-archive:...``), its evidence attached.

    `ETag` is the image's digest. It stands on the server's base image; without one it holds the files alone.
    """
    platform = parts.platform
    found = await platform.records.find_capsule(capsule)
    images = Images(platform.capsules, platform.attestations, platform.settings.image_base)
    built = await images.build(found.id)
    name = found.id.removeprefix("sha256:")[:12]
    content = await asyncio.to_thread(tar_of, layout_files(built.image, built.attached, name))
    headers = {
        "ETag": f'"{built.image.digest}"',
        "Content-Disposition": f'attachment; filename="capsule-{name}-image.tar"',
    }
    return Response(content, media_type="application/x-tar", headers=headers)


@router.post("/policy/explain", tags=["policy"], responses=refused(400, 404, 413, 422, 503))
async def explain_policy(body: PolicyQuestion, parts: PartsOf) -> PolicyDecision:
    """Whether a capsule may be released to an environment; every reason of a denial is a sentence."""
    platform = parts.platform
    found = await platform.records.find_capsule(body.capsule)
    trust = KeyFolder(platform.settings.keys_dir).trust()
    facts = await release_facts(
        found.id, body.environment, platform.capsules, platform.attestations, trust, utc_now()
    )
    return Policy(platform.settings.policies or SHIPPED).decide(facts)
