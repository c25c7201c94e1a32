"""The manifest of a capsule, folded from the record of the run that made it.

Only events up to the decision and the scan after it count, so that packing again after a crash gives the same
bytes and id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from qlayer.errors import InputError
from qlayer.types.assessment import Assessment
from qlayer.types.capsule import AttemptRecord, CapsuleManifest, ModelCard
from qlayer.types.proof import SlotProof
from qlayer.types.run import (
    Assessed,
    Checked,
    Decided,
    ProjectChecked,
    Proved,
    RunEvent,
    RunRecord,
    Sampled,
    Scanned,
    SkeletonBuilt,
    SlotSettled,
    SpecParsed,
    worked_seconds,
)
from qlayer.types.scan import ScanReport
from qlayer.types.source import SourceTree
from qlayer.types.usage import TokenUsage

_Body = TypeVar("_Body", SpecParsed, SkeletonBuilt, Decided)


def build_manifest(
    record: RunRecord, *, tree: SourceTree, model: ModelCard, qlayer_version: str, created_at: datetime
) -> CapsuleManifest:
    """What the run's events say about `tree`. Raises `InputError` when the run decided on no such tree."""
    events = _until_decided(record)
    spec = _last(events, SpecParsed).spec
    skeleton = _last(events, SkeletonBuilt)
    decided = _last(events, Decided)
    if decided.tree != tree.digest:
        raise InputError(
            f"run {record.id} decided on tree {decided.tree}, not on {tree.digest}", field="tree"
        )
    samples = [event.body for event in events if isinstance(event.body, Sampled)]
    settled = _settled(events)
    return CapsuleManifest(
        title=spec.title,
        run_id=record.id,
        created_at=created_at,
        qlayer_version=qlayer_version,
        template=skeleton.template,
        template_reason=skeleton.reason,
        spec=spec,
        spec_digest=spec.digest,
        tree=tree.digest,
        files=tree.entries(),
        model=model,
        attempts=_attempts(events),
        checks=decided.checks,
        decision=decided.decision,
        stop_reasons={slot.slot: slot.reason for slot in settled},
        budget=record.request.budget,
        usage=sum((sample.usage for sample in samples), TokenUsage()),
        seconds=round(worked_seconds(events), 3),
        proofs=_proofs(events),
        assessment=_assessment(events, tree),
        scan=_scan(record.events, tree),
    )


def _proofs(events: Iterable[RunEvent]) -> tuple[SlotProof, ...]:
    """The last of each slot, in the order in which the slots were first settled."""
    found = {event.body.proof.slot: event.body.proof for event in events if isinstance(event.body, Proved)}
    return tuple(found.values())


def _assessment(events: Iterable[RunEvent], tree: SourceTree) -> Assessment | None:
    bodies = [event.body for event in events if isinstance(event.body, Assessed)]
    return next((body.assessment for body in reversed(bodies) if body.tree == tree.digest), None)


def _scan(events: Iterable[RunEvent], tree: SourceTree) -> ScanReport | None:
    """It follows the decision; its step is recorded once, so packing again finds the same one."""
    reports = (event.body.report for event in events if isinstance(event.body, Scanned))
    return next((report for report in reports if report.tree == tree.digest), None)


def _until_decided(record: RunRecord) -> tuple[RunEvent, ...]:
    ends = [i for i, event in enumerate(record.events, start=1) if isinstance(event.body, Decided)]
    if not ends:
        raise InputError(f"run {record.id} has not decided anything yet", field="run")
    return record.events[: ends[-1]]


def _last(events: Iterable[RunEvent], kind: type[_Body]) -> _Body:
    bodies = [event.body for event in events if isinstance(event.body, kind)]
    if not bodies:
        raise InputError(f"the run's record has no {kind.__name__} event", field="run")
    return bodies[-1]


def _settled(events: Sequence[RunEvent]) -> list[SlotSettled]:
    """What became of each slot; what broke the project was rolled back, so nothing of it is kept."""
    bodies = [event.body for event in events]
    gone = {
        body.slot: body.problems[0] for body in bodies if isinstance(body, ProjectChecked) and body.problems
    }
    settled = [body for body in bodies if isinstance(body, SlotSettled)]
    return [
        body.model_copy(update={"kept": None, "solved": False, "reason": f"rolled back: {gone[body.slot]}"})
        if body.slot in gone
        else body
        for body in settled
    ]


def _attempts(events: Sequence[RunEvent]) -> tuple[AttemptRecord, ...]:
    """Each sample that became a candidate, in the order in which the samples were made."""
    bodies = [event.body for event in events]
    checked = {(body.slot, body.attempt): body for body in bodies if isinstance(body, Checked)}
    kept = {(body.slot, body.kept) for body in _settled(events)}
    samples = (body for body in bodies if isinstance(body, Sampled) and (body.slot, body.attempt) in checked)
    return tuple(
        AttemptRecord(
            slot=sample.slot,
            attempt=sample.attempt,
            kind=sample.attempt_kind,
            kept=(sample.slot, sample.attempt) in kept,
            completion=sample.completion,
            finish_reason=sample.finish_reason,
            seconds=sample.seconds,
            candidate=checked[sample.slot, sample.attempt].candidate,
            checks=checked[sample.slot, sample.attempt].checks,
        )
        for sample in samples
    )
