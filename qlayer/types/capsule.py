"""A finished project with its evidence inside, addressed by its content."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from qlayer.types.assessment import Assessment
from qlayer.types.candidate import Candidate
from qlayer.types.check import CheckResult, Decision, Level
from qlayer.types.frozen import Frozen, added
from qlayer.types.ids import CapsuleId, Digest, ModelId, RunId, digest_of
from qlayer.types.proof import SlotProof
from qlayer.types.run import AttemptKind
from qlayer.types.scan import ScanReport
from qlayer.types.source import TreePath
from qlayer.types.spec import Spec
from qlayer.types.usage import Budget, TokenUsage


class ModelCard(Frozen):
    """Which model wrote it: the catalogue entry and the digest of the weights in use."""

    id: ModelId
    revision: str
    licence: str
    digest: Digest | None = None
    """SHA-256 of the weights file; None when a remote server does not tell."""


class AttemptRecord(Frozen):
    """One try at one slot, in the order they were made."""

    slot: str
    attempt: int
    kind: AttemptKind
    kept: bool
    completion: Digest
    """Blob with the model's raw answer."""
    finish_reason: str
    seconds: float
    candidate: Candidate
    checks: tuple[CheckResult, ...]


class EditRecord(Frozen):
    """What a person changed in a capsule that was finished."""

    parent: CapsuleId
    """The capsule that was edited."""
    slot: str
    code: str
    """The function as the person gave it, with its imports and helpers."""
    who: str
    at: datetime
    lost: tuple[str, ...] = ()
    """Checks that passed in the parent and fail now; not empty only when the person insisted."""


class AcceptRecord(Frozen):
    """That a person took responsibility for a finished capsule, after its checks had passed once more."""

    parent: CapsuleId
    """The capsule that was accepted; this one has its files and its evidence."""
    who: str
    note: str = ""
    at: datetime
    level: Level | None
    """Of the parent: what was proved without the person."""


class CapsuleManifest(Frozen):
    """Everything that is known about a capsule. Its canonical JSON is what the capsule id digests."""

    schema_version: Literal[1] = 1
    title: str
    run_id: RunId
    created_at: datetime
    qlayer_version: str
    template: str
    template_reason: str
    spec: Spec
    spec_digest: Digest
    tree: Digest
    files: dict[TreePath, Digest]
    """Path -> digest of bytes, sorted."""
    model: ModelCard
    attempts: tuple[AttemptRecord, ...]
    checks: tuple[CheckResult, ...]
    """Of the final tree."""
    decision: Decision
    stop_reasons: dict[str, str]
    """Slot -> why the loop stopped there."""
    budget: Budget
    usage: TokenUsage
    seconds: float
    edits: tuple[EditRecord, ...] = added(())
    """Corrections by people since the run, oldest first."""
    proofs: tuple[SlotProof, ...] = added(())
    """One for each slot, in their order; none for what a person edited since."""
    assessment: Assessment | None = added(None)
    """Quality, cost and security findings of the files that a model wrote in; not of what a person edited."""
    scan: ScanReport | None = added(None)
    """What scanners said of the tree; None when nothing looked at it."""
    acceptance: AcceptRecord | None = added(None)
    """Who accepted it; None while nobody did."""

    @property
    def parent(self) -> CapsuleId | None:
        """The capsule that this one is an edit of, or was accepted as; None for one that a run made."""
        if self.acceptance is not None:
            return self.acceptance.parent
        return self.edits[-1].parent if self.edits else None

    @property
    def id(self) -> CapsuleId:
        return CapsuleId(digest_of(self))


class CapsuleSummary(Frozen):
    """One row of a listing."""

    id: CapsuleId
    title: str
    template: str
    model: ModelId
    level: str | None
    allow: bool
    created_at: datetime
    run_id: RunId
