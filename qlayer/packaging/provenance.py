"""Where a capsule comes from, as an in-toto statement with SLSA v1 provenance.

The statement binds the manifest and the bill of materials (its subjects, by digest) to the request, the
model, the prompts and what the sandbox saw. Signed, it is what a capsule is trusted by; see `attestation`.
The shape is https://slsa.dev/spec/v1.0/provenance, built and checked with the in-toto project's own bindings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict, Parse, ParseError
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2 as slsa
from in_toto_attestation.v1.resource_descriptor_pb2 import ResourceDescriptor
from in_toto_attestation.v1.statement import STATEMENT_TYPE_URI, Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

from qlayer.errors import SignatureRefused
from qlayer.packaging.folder import MANIFEST_PATH
from qlayer.packaging.sbom import SBOM_PATH
from qlayer.types.capsule import CapsuleManifest
from qlayer.types.check import CheckResult
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, canonical_json, digest_of, sha256
from qlayer.types.scan import ScanReport

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:qlayer:build:generate:v1"
BUILDER = "urn:qlayer:builder:loop"
PROVENANCE_PATH = ".qlayer/provenance.dsse.json"


class Subjects(Frozen):
    """What a signed statement is about."""

    manifest: Digest
    """The capsule's id."""
    sbom: Digest
    tree: Digest


def statement(manifest: CapsuleManifest, sbom: bytes) -> bytes:
    """The statement's canonical JSON. Pure: the same capsule gives the same bytes."""
    subjects = [
        _resource(MANIFEST_PATH, Digest(manifest.id)),
        _resource(SBOM_PATH, sha256(sbom)),
        _resource("tree", manifest.tree),
    ]
    predicate = MessageToDict(_predicate(manifest))
    made = Statement(subjects, PREDICATE_TYPE, predicate)
    made.validate()
    return canonical_json(MessageToDict(made.pb))


def subjects_of(payload: bytes) -> Subjects:
    """What a statement is about. Raises `SignatureRefused` when it is no statement of ours.

    Call it only with a payload whose signature counts.
    """
    try:
        message = Parse(payload, StatementMessage())
        Statement.copy_from_pb(message).validate()
    except (ParseError, ValueError, UnicodeDecodeError) as error:
        raise SignatureRefused(f"what was signed is no in-toto statement: {error}") from None
    if (message.type, message.predicate_type) != (STATEMENT_TYPE_URI, PREDICATE_TYPE):
        raise SignatureRefused(f"what was signed is {message.predicate_type}, not {PREDICATE_TYPE}")
    digests = {subject.name: f"sha256:{subject.digest['sha256']}" for subject in message.subject}
    try:
        return Subjects(
            manifest=Digest(digests[MANIFEST_PATH]),
            sbom=Digest(digests[SBOM_PATH]),
            tree=Digest(digests["tree"]),
        )
    except KeyError as missing:
        raise SignatureRefused(f"the statement does not speak of {missing.args[0]}") from None


def _predicate(manifest: CapsuleManifest) -> slsa.Provenance:
    definition = slsa.BuildDefinition(build_type=BUILD_TYPE, resolved_dependencies=list(_materials(manifest)))
    definition.external_parameters.update(
        _plain({"title": manifest.title, "template": manifest.template, "model": manifest.model.id})
    )
    definition.internal_parameters.update(
        _plain({"budget": manifest.budget, "templateReason": manifest.template_reason})
    )
    metadata = slsa.BuildMetadata(invocation_id=manifest.run_id)
    metadata.finished_on.FromDatetime(manifest.created_at)
    builder = slsa.Builder(id=BUILDER, version={"qlayer": manifest.qlayer_version})
    details = slsa.RunDetails(builder=builder, metadata=metadata, byproducts=list(_evidence(manifest)))
    return slsa.Provenance(build_definition=definition, run_details=details)


def _materials(manifest: CapsuleManifest) -> Iterator[ResourceDescriptor]:
    """What went in: the spec, the weights, and every prompt that was sent."""
    yield _resource("spec", manifest.spec_digest)
    card = manifest.model
    weights = _resource(f"model:{card.id}@{card.revision}", card.digest)
    weights.annotations.update({"licence": card.licence})
    yield weights
    prompts = dict.fromkeys(attempt.candidate.prompt for attempt in manifest.attempts)
    for number, prompt in enumerate(prompts):
        yield _resource(f"prompt:{number}", prompt)


def _evidence(manifest: CapsuleManifest) -> Iterator[ResourceDescriptor]:
    """What was seen: each verdict on the final tree with the isolation it was reached under."""
    for check in manifest.checks:
        seen = _resource(f"check:{check.check}", digest_of(check))
        seen.annotations.update(_plain(_verdict(check)))
        yield seen
    if manifest.scan is not None:
        yield _scan(manifest.scan)
    decision = _resource("decision", digest_of(manifest.decision))
    decision.annotations.update(_plain({"level": manifest.decision.level, "allow": manifest.decision.allow}))
    yield decision


def _scan(report: ScanReport) -> ResourceDescriptor:
    """The scan by its digest, with the tools that looked and how many findings of each severity stand."""
    scan = _resource("scan", digest_of(report))
    tools = {tool.tool: tool.version or "not installed" for tool in report.tools}
    scan.annotations.update(_plain({"tools": tools, "findings": report.counts}))
    return scan


def _verdict(check: CheckResult) -> dict[str, Any]:
    evidence = check.verdict.evidence
    return {
        "outcome": check.verdict.outcome,
        "trusted": check.trusted,
        "passed": check.passed,
        "total": check.total,
        "backend": evidence.backend,
        "tier": evidence.tier,
        "forgeable": evidence.forgeable,
    }


def _resource(name: str, digest: Digest | None) -> ResourceDescriptor:
    """Weights behind somebody else's server have no digest that we know."""
    digests = {"sha256": digest.removeprefix("sha256:")} if digest is not None else {}
    return ResourceDescriptor(name=name, digest=digests)


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """JSON values alone, as protobuf's Struct wants them."""
    plain: dict[str, Any] = json.loads(canonical_json(value))
    return plain
