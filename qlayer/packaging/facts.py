"""What a release policy may know of a capsule, from its manifest, its files and its signatures."""

from __future__ import annotations

from datetime import datetime

from qlayer.packaging.attestation import Attestations
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.components import components
from qlayer.types.ids import CapsuleId
from qlayer.types.policy import ReleaseFacts
from qlayer.types.signature import Trust


async def release_facts(
    capsule: CapsuleId,
    environment: str,
    capsules: Capsules,
    attestations: Attestations,
    trust: Trust,
    now: datetime,
) -> ReleaseFacts:
    """Raises `StoreError`, `NotFoundError`. A component without a known licence counts as unlicensed."""
    manifest, tree = await capsules.load(capsule)
    needed = components(tree)
    licences = {one.licence for one in needed.dependencies if one.licence is not None}
    unknown = sum(one.licence is None for one in needed.dependencies) + len(needed.unreadable)
    return ReleaseFacts(
        environment=environment,
        capsule=capsule,
        template=manifest.template,
        model=manifest.model.id,
        model_licence=manifest.model.licence,
        level=manifest.decision.level,
        allowed=manifest.decision.allow,
        age_days=max(0, (now - manifest.created_at).days),
        signers=await attestations.signers(capsule, trust),
        scanned=manifest.scan is not None and manifest.scan.tree == manifest.tree,
        findings=manifest.scan.counts if manifest.scan is not None else {},
        licences=tuple(sorted(licences)),
        unlicensed=unknown,
    )
