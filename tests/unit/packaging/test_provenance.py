"""Provenance: valid by in-toto's own reader, the same bytes twice, and bound to what it speaks of."""

from __future__ import annotations

import json

import pytest
from capsule_samples import ANSWERS, CARD, sample_manifest, sample_tree
from google.protobuf.json_format import Parse, ParseDict
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

from qlayer.errors import SignatureRefused
from qlayer.packaging.provenance import statement, subjects_of
from qlayer.packaging.sbom import bill_of_materials
from qlayer.types.ids import sha256

TREE = sample_tree()
MANIFEST = sample_manifest(TREE)
SBOM = bill_of_materials(MANIFEST, TREE)
STATEMENT = statement(MANIFEST, SBOM)


def test_in_totos_own_reader_accepts_it() -> None:
    message = Parse(STATEMENT, StatementMessage())
    Statement.copy_from_pb(message).validate()
    predicate = ParseDict(json.loads(STATEMENT)["predicate"], Provenance())
    assert predicate.run_details.metadata.invocation_id == MANIFEST.run_id
    materials = {one.name: one.digest["sha256"] for one in predicate.build_definition.resolved_dependencies}
    assert CARD.digest is not None
    assert materials[f"model:{CARD.id}@{CARD.revision}"] == CARD.digest.removeprefix("sha256:")
    assert materials["spec"] == MANIFEST.spec_digest.removeprefix("sha256:")
    assert len([name for name in materials if name.startswith("prompt:")]) == len(ANSWERS)


def test_it_is_about_the_manifest_the_bill_and_the_tree_and_the_same_twice() -> None:
    assert statement(MANIFEST, SBOM) == STATEMENT
    subjects = subjects_of(STATEMENT)
    assert (subjects.manifest, subjects.sbom, subjects.tree) == (MANIFEST.id, sha256(SBOM), TREE.digest)


def test_every_verdict_is_named_with_its_isolation() -> None:
    byproducts = json.loads(STATEMENT)["predicate"]["runDetails"]["byproducts"]
    seen = {one["name"]: one["annotations"] for one in byproducts}
    assert seen["check:examples"]["tier"] == "full" and seen["check:examples"]["passed"] == 2
    assert seen["decision"] == {"level": "V2", "allow": True}


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "no in-toto statement"),
        (b"\xff", "no in-toto statement"),
        (b"{}", "no in-toto statement"),
        (STATEMENT.replace(b"/provenance/v1", b"/provenance/v2"), "not https"),
        (STATEMENT.replace(b".qlayer/sbom.cdx.json", b"another.json"), "does not speak of"),
    ],
)
def test_other_statements_are_refused(payload: bytes, why: str) -> None:
    with pytest.raises(SignatureRefused, match=why):
        subjects_of(payload)
