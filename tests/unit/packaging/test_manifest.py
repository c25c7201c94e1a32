"""The manifest as a fold over a run's record."""

from __future__ import annotations

from pathlib import Path

import pytest
from capsule_samples import ALLOWED, CARD, PASSED, sample_manifest, sample_record, sample_tree

from qlayer.errors import InputError
from qlayer.packaging.manifest import build_manifest
from qlayer.types.capsule import CapsuleManifest
from qlayer.types.ids import canonical_json, sha256
from qlayer.types.run import AttemptKind, Decided, RunEvent, RunRecord, Started
from qlayer.types.source import SourceTree


def build(record: RunRecord, tree: SourceTree) -> CapsuleManifest:
    at = record.events[-1].at
    return build_manifest(record, tree=tree, model=CARD, qlayer_version="0.1.0", created_at=at)


def test_the_evidence_is_gathered() -> None:
    tree = sample_tree()
    manifest = sample_manifest(tree)
    assert manifest.title == "Add two numbers"
    assert manifest.tree == tree.digest
    assert manifest.files == tree.entries()
    assert manifest.spec_digest == manifest.spec.digest
    assert (manifest.template, manifest.template_reason) == ("function", "fits")
    assert (manifest.checks, manifest.decision) == (PASSED, ALLOWED)
    assert manifest.stop_reasons == {"add": "all trusted cases pass"}
    assert [(a.attempt, a.kind, a.kept) for a in manifest.attempts] == [
        (0, AttemptKind.GREEDY, False),
        (1, AttemptKind.REPAIR, True),
    ]
    assert [check.ok for attempt in manifest.attempts for check in attempt.checks] == [False, True]


def test_usage_and_seconds_are_sums() -> None:
    manifest = sample_manifest(sample_tree())
    assert (manifest.usage.prompt_tokens, manifest.usage.completion_tokens) == (200, 41)
    assert manifest.seconds == 8.0, "nine events from the start, a second apart"


def test_the_pause_before_a_resume_is_no_work() -> None:
    manifest = build(sample_record(sample_tree(), resumed=True), sample_tree())
    assert manifest.seconds == 8.0, "the same, without the thousand seconds in between and the step over them"


def test_what_came_after_the_decision_changes_nothing() -> None:
    tree = sample_tree()
    record = sample_record(tree)
    last = record.events[-1]
    again = RunEvent(run_id=record.id, seq=last.seq + 1, at=last.at, body=Started(owner="b", resumed=True))
    later = RunRecord(id=record.id, events=(*record.events, again))
    assert build(later, tree).id == build(record, tree).id


def test_a_manifest_keeps_its_id_through_json() -> None:
    manifest = sample_manifest(sample_tree())
    again = CapsuleManifest.model_validate_json(canonical_json(manifest))
    assert again == manifest
    assert again.id == manifest.id


def test_another_tree_than_the_decided_one_is_refused() -> None:
    record = sample_record(sample_tree())
    with pytest.raises(InputError) as raised:
        build(record, sample_tree({"other.py": b""}))
    assert raised.value.field == "tree"


def test_an_undecided_run_has_no_manifest() -> None:
    record = sample_record(sample_tree())
    events = tuple(event for event in record.events if not isinstance(event.body, Decided))
    with pytest.raises(InputError, match="not decided"):
        build(RunRecord(id=record.id, events=events), sample_tree())


def test_a_manifest_of_an_earlier_version_loads_and_keeps_its_id() -> None:
    """Fields that come later must be `added`, or every capsule on record is called damaged."""
    stored = (Path(__file__).parent / "manifest_of_0_1_0.json").read_bytes()
    assert CapsuleManifest.model_validate_json(stored).id == sha256(stored)
