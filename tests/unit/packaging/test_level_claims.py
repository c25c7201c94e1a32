"""A level is believed only as far as the recorded evidence reaches, whoever wrote the manifest."""

from __future__ import annotations

from typing import Any

import pytest
from capsule_samples import BEGAN, check, sample_manifest, sample_tree

from qlayer.packaging.verification import claims
from qlayer.types.capsule import AcceptRecord, CapsuleManifest
from qlayer.types.check import Decision, Level
from qlayer.types.ids import CapsuleId
from qlayer.types.proof import InputKind, SlotProof

PROOF = SlotProof(
    slot="add",
    inputs=InputKind.CALLS,
    drawn=75,
    used=75,
    crash_free=1.0,
    samples=2,
    candidates=2,
    agreements=(1.0,),
    mutants=10,
    killed=6,
)
ACCEPTED = AcceptRecord(parent=CapsuleId("sha256:" + "0" * 64), who="ada", at=BEGAN, level=Level.V2)


def claiming(level: Level, **evidence: Any) -> CapsuleManifest:
    decision = Decision(level=level, allow=True, reasons=("because",))
    manifest = sample_manifest(sample_tree(), decision=decision)
    return manifest.model_copy(update=evidence)


def problems(manifest: CapsuleManifest) -> list[str]:
    return [finding.problem for finding in claims(manifest) if finding.problem is not None]


@pytest.mark.parametrize(
    ("level", "evidence"),
    [
        (Level.V2, {}),
        (Level.V4, {"proofs": (PROOF,)}),
        (Level.V3, {"proofs": (PROOF, PROOF.model_copy(update={"killed": 5}))}),
        (Level.V3, {"proofs": (PROOF.model_copy(update={"used": 2, "exhausted": True}),)}),
        (Level.V5, {"acceptance": ACCEPTED}),
    ],
)
def test_what_is_proved_may_be_claimed(level: Level, evidence: dict[str, Any]) -> None:
    assert problems(claiming(level, **evidence)) == []


@pytest.mark.parametrize(
    ("level", "evidence", "proves"),
    [
        (Level.V3, {}, "only V2"),
        (Level.V4, {"proofs": (PROOF.model_copy(update={"killed": 5}),)}, "only V3"),
        (Level.V4, {"proofs": (PROOF, PROOF.model_copy(update={"agreements": ()}))}, "only V2"),
        (Level.V3, {"proofs": (PROOF.model_copy(update={"used": 49}),)}, "only V2"),
        (Level.V5, {"proofs": (PROOF,)}, "only V4"),
        (Level.V5, {"acceptance": ACCEPTED, "checks": (check("boot"), check("x", ok=False))}, "only V1"),
        (Level.V5, {"acceptance": ACCEPTED, "checks": ()}, "only V0"),
    ],
)
def test_a_claim_beyond_the_evidence_is_found(level: Level, evidence: dict[str, Any], proves: str) -> None:
    assert any(proves in problem for problem in problems(claiming(level, **evidence)))
