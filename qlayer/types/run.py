"""A run as an append-only list of events.

Every step of the pipeline appends one event; an event with a `step` key is the recorded result of an
idempotent step, and a resumed run takes it from the record instead of doing the step again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from qlayer.types.assessment import Assessment
from qlayer.types.candidate import Candidate, Sampling
from qlayer.types.check import CheckResult, Decision
from qlayer.types.choice import Answered, Asked, Selected, WavePlanned
from qlayer.types.frozen import Frozen, added
from qlayer.types.ids import CapsuleId, Digest, ModelId, RunId
from qlayer.types.layout import Layout
from qlayer.types.memory import Recall
from qlayer.types.policy import PolicyDecision
from qlayer.types.proof import SlotProof
from qlayer.types.scan import ScanReport
from qlayer.types.signature import KeyId
from qlayer.types.source import TreePath
from qlayer.types.spec import Spec
from qlayer.types.usage import Budget, TokenUsage


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    """A capsule was made. Its level may still be below V2: see the decision."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)


class RunRequest(Frozen):
    """What a client asks for. `text` is the request in plain words or Markdown, at most 64 KiB."""

    text: str
    template: str | None = None
    model: ModelId | None = None
    """None: the configured default."""
    budget: Budget = Budget()
    origin: Literal["cli", "api", "job"] = "cli"
    interactive: bool = added(False)
    """Somebody watches and may be asked which of two answers is right. Else questions are only recorded."""
    layout: Literal["auto", "template", "free"] = added("auto")
    """``free``: the model proposes the files itself, whatever its size. ``auto``: a large one may, where no
    template fits well."""
    release_to: str | None = added(None)
    """An environment of the release policy: the capsule is signed and put to the policy. None: neither."""
    seed: int = added(0)
    """Of everything that is drawn: the same seed asks a model the same questions with the same dice."""

    @property
    def title(self) -> str:
        """The first line with words in it, without Markdown's ``#``, at most 80 printable characters."""
        lines = ("".join(ch for ch in line if ch.isprintable()) for line in self.text.splitlines())
        titles = (line.lstrip("# \t").strip() for line in lines)
        return next((title for title in titles if title), "")[:80]


class Submitted(Frozen):
    kind: Literal["submitted"] = "submitted"
    request: RunRequest


class Started(Frozen):
    """A worker took the run up, for the first time or again."""

    kind: Literal["started"] = "started"
    owner: str
    resumed: bool = False


class SpecParsed(Frozen):
    kind: Literal["spec"] = "spec"
    spec: Spec


class SkeletonBuilt(Frozen):
    kind: Literal["skeleton"] = "skeleton"
    template: str
    reason: str
    """Why this template family was taken."""
    tree: Digest
    slots: tuple[str, ...]
    checks: tuple[CheckResult, ...]


class Recalled(Frozen):
    """What earlier corrections by people lend to this run."""

    kind: Literal["recalled"] = "recalled"
    recall: Recall


class AttemptKind(StrEnum):
    GREEDY = "greedy"
    SAMPLE = "sample"
    """One of a wave: drawn with the task alone in view."""
    REPAIR = "repair"
    """The model saw its program and what went wrong, and gave the whole function back."""
    RESAMPLE = "resample"
    """The model wrote the function afresh, with a failing example or in other words."""
    ESCALATED = "escalated"
    """A larger model was asked."""
    REFINE = "refine"
    """The model saw its right program and what could be better about it."""
    ASSERTS = "asserts"
    """The model wrote asserts that vote between candidates; no program."""


class Sampled(Frozen):
    """One answer of the model, before anything was done with it."""

    kind: Literal["sampled"] = "sampled"
    slot: str
    attempt: int
    """0-based within the slot."""
    attempt_kind: AttemptKind
    model: ModelId
    prompt: Digest
    completion: Digest
    sampling: Sampling
    usage: TokenUsage
    finish_reason: str
    """``stop`` or ``length`` (the model's), ``timeout`` (the budget's), ``repetition`` or ``second fence``
    (cut while it was written), ``cancelled`` (not wanted any more: other samples of its wave sufficed)."""
    seconds: float


class Checked(Frozen):
    """A candidate made from a sample, and what its checks said."""

    kind: Literal["checked"] = "checked"
    slot: str
    attempt: int
    candidate: Candidate
    checks: tuple[CheckResult, ...]
    passed: int
    """Trusted cases passed."""
    total: int
    same_as: int | None = added(None)
    """An earlier attempt with the same program: its checks count, none were run again."""


class SlotSettled(Frozen):
    """The loop is done with a slot. `kept` is the attempt whose tree goes on; None: the skeleton's."""

    kind: Literal["settled"] = "settled"
    slot: str
    kept: int | None
    tree: Digest
    reason: str
    """Why the loop stopped, as a sentence."""
    solved: bool


class LayoutProposed(Frozen):
    """The files that the model wants to write, before any is written."""

    kind: Literal["layout"] = "layout"
    layout: Layout


class ProjectChecked(Frozen):
    """The project as a whole after a slot was filled. With problems the filling is rolled back."""

    kind: Literal["project"] = "project"
    slot: str
    tree: Digest
    problems: tuple[str, ...] = ()
    """What the filling broke, as sentences."""


class Proved(Frozen):
    """What the filling that was kept in a slot shows beyond its trusted tests."""

    kind: Literal["proved"] = "proved"
    tree: Digest
    """The project with the slot filled."""
    proof: SlotProof


class Assessed(Frozen):
    """How good the finished project is, beside being right."""

    kind: Literal["assessed"] = "assessed"
    tree: Digest
    assessment: Assessment


class Equipped(Frozen):
    """The finished project got the files that build, check and ship it."""

    kind: Literal["equipped"] = "equipped"
    tree: Digest
    """With these files."""
    added: tuple[TreePath, ...]
    kept: tuple[TreePath, ...] = ()
    """Files of such a name that the project had already; they stay as they are."""


class Scanned(Frozen):
    """What scanners say of the project as it was decided on."""

    kind: Literal["scanned"] = "scanned"
    report: ScanReport


class Decided(Frozen):
    kind: Literal["decided"] = "decided"
    tree: Digest
    checks: tuple[CheckResult, ...]
    decision: Decision


class Packed(Frozen):
    kind: Literal["packed"] = "packed"
    capsule: CapsuleId
    decision: Decision


class Signed(Frozen):
    """Somebody vouched for the capsule; the envelope holds its provenance."""

    kind: Literal["signed"] = "signed"
    capsule: CapsuleId
    key: KeyId
    name: str
    """Of the key."""
    envelope: Digest


class Governed(Frozen):
    """What the release policy says of the capsule."""

    kind: Literal["governed"] = "governed"
    decision: PolicyDecision


class ImageBuilt(Frozen):
    """The capsule as a container image; anybody with the same base builds the same one."""

    kind: Literal["image"] = "image"
    capsule: CapsuleId
    image: Digest
    """Of the image's manifest."""
    attached: tuple[Digest, ...]
    """Of the manifests with its bill of materials and its signatures."""


class Finished(Frozen):
    """The end. Nothing may be appended after it."""

    kind: Literal["finished"] = "finished"
    status: RunStatus
    reason: str
    seconds: float
    usage: TokenUsage


class CancelRequested(Frozen):
    kind: Literal["cancel_requested"] = "cancel_requested"


EventBody = Annotated[
    Submitted
    | Started
    | SpecParsed
    | SkeletonBuilt
    | Recalled
    | WavePlanned
    | Sampled
    | Checked
    | Selected
    | Asked
    | Answered
    | SlotSettled
    | LayoutProposed
    | ProjectChecked
    | Proved
    | Equipped
    | Assessed
    | Decided
    | Scanned
    | Packed
    | Signed
    | Governed
    | ImageBuilt
    | Finished
    | CancelRequested,
    Field(discriminator="kind"),
]


class RunEvent(Frozen):
    """One line of a run's record. `seq` counts from 1 without gaps; `step` is set for resumable steps."""

    run_id: RunId
    seq: int
    at: datetime
    step: Digest | None = None
    body: EventBody


class RunRecord(Frozen):
    """A run: its events in order, and what they add up to."""

    schema_version: Literal[1] = 1
    id: RunId
    events: tuple[RunEvent, ...]

    @property
    def request(self) -> RunRequest:
        first = self.events[0].body
        assert isinstance(first, Submitted)
        return first.request

    @property
    def finished(self) -> Finished | None:
        last = self.events[-1].body
        return last if isinstance(last, Finished) else None

    @property
    def status(self) -> RunStatus:
        if self.finished is not None:
            return self.finished.status
        started = any(isinstance(event.body, Started) for event in self.events)
        return RunStatus.RUNNING if started else RunStatus.QUEUED

    @property
    def capsule(self) -> CapsuleId | None:
        return next((e.body.capsule for e in reversed(self.events) if isinstance(e.body, Packed)), None)

    @property
    def usage(self) -> TokenUsage:
        """Tokens of all samples so far."""
        return sum((e.body.usage for e in self.events if isinstance(e.body, Sampled)), TokenUsage())

    @property
    def cancel_requested(self) -> bool:
        return any(isinstance(event.body, CancelRequested) for event in self.events)


def worked_seconds(events: Iterable[RunEvent]) -> float:
    """Wall seconds of work: from each `Started` to the last event before the next, summed over resumes.

    Waiting for a person's answer is no work.
    """
    total = 0.0
    previous: datetime | None = None
    waiting = False
    for event in events:
        if previous is not None and not waiting and not isinstance(event.body, Started):
            total += (event.at - previous).total_seconds()
        waiting = isinstance(event.body, Asked)
        if previous is not None or isinstance(event.body, Started):
            previous = event.at
    return total


class RunSummary(Frozen):
    """One row of a listing."""

    id: RunId
    created_at: datetime
    status: RunStatus
    title: str
    """The request's first line, trimmed to 80 characters."""
    capsule: CapsuleId | None = None
