"""What goes over the wire beyond the platform's own types, with the examples that the documentation shows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from qlayer.types.capsule import CapsuleManifest, CapsuleSummary
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId, ModelId, RunId
from qlayer.types.run import RunEvent, RunRecord, RunRequest, RunStatus, RunSummary
from qlayer.types.spec import MAX_SPEC_BYTES
from qlayer.types.usage import Budget, TokenUsage

_TEXT = """\
def slugify(text: str) -> str

Lower-case words joined by dashes.

slugify('Hello World') == 'hello-world'
"""


class GenerateRequest(Frozen):
    """What to make. Only `text` is needed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": _TEXT},
                {
                    "text": _TEXT,
                    "template": "function",
                    "model": "qwen2.5-coder-1.5b",
                    "budget": {"tokens": 2000, "seconds": 60},
                },
            ]
        }
    )

    text: str = Field(min_length=1, max_length=MAX_SPEC_BYTES)
    """The request in plain words or Markdown, at most 64 KiB of UTF-8."""
    template: str | None = Field(default=None, max_length=64)
    """Template family; the best fit is chosen when it is left out."""
    model: ModelId | None = Field(default=None, max_length=128)
    """Model id; the configured default when it is left out."""
    budget: Budget | None = None
    """What the run may spend; the configured default when it is left out."""

    layout: Literal["auto", "template", "free"] = "auto"
    """``free``: the model proposes the files itself. ``auto``: a large one may, where no template fits."""
    interactive: bool = False
    """Somebody follows the run and answers its questions (event `asked`) at ``/runs/{run_id}/answers``."""

    def to_run_request(self, default_budget: Budget) -> RunRequest:
        return RunRequest(
            text=self.text,
            template=self.template,
            model=self.model,
            budget=self.budget or default_budget,
            origin="api",
            layout=self.layout,
            interactive=self.interactive,
        )


class ExtendedRequest(GenerateRequest):
    """What to make, and where it is to be released to."""

    release_to: str = Field(default="staging", min_length=1, max_length=63)
    """An environment of the release policy."""

    def to_run_request(self, default_budget: Budget) -> RunRequest:
        request = super().to_run_request(default_budget)
        return request.model_copy(update={"release_to": self.release_to})


class AnswerRequest(Frozen):
    """What the call that a run asks about must give."""

    expected: str | None = Field(default=None, max_length=10_000)
    """A Python literal, or an exception's name with `raises`; null when it cannot be said."""
    raises: bool = False
    """The call must raise the exception named."""


class RunLinks(Frozen):
    """Paths below the server's root."""

    self: str
    events: str
    cancel: str
    capsule: str | None = None

    @classmethod
    def of(cls, run_id: RunId, capsule: CapsuleId | None, root: str) -> RunLinks:
        run = f"{root}/runs/{run_id}"
        found = None if capsule is None else f"{root}/capsules/{capsule}"
        return cls(self=run, events=f"{run}/events", cancel=f"{run}/cancel", capsule=found)


class RunAccepted(Frozen):
    """The run is on record and will be carried to its end, whatever happens to this server."""

    id: RunId
    created: bool
    """False when this idempotency key had been used for the same request before."""
    links: RunLinks


class RunView(Frozen):
    """One run with all of its events."""

    id: RunId
    status: RunStatus
    created_at: datetime
    request: RunRequest
    capsule: CapsuleId | None
    usage: TokenUsage
    reason: str | None
    """Why it ended, as a sentence; null while it runs."""
    cancel_requested: bool
    events: tuple[RunEvent, ...]
    links: RunLinks

    @classmethod
    def of(cls, record: RunRecord, root: str) -> RunView:
        return cls(
            id=record.id,
            status=record.status,
            created_at=record.events[0].at,
            request=record.request,
            capsule=record.capsule,
            usage=record.usage,
            reason=record.finished.reason if record.finished else None,
            cancel_requested=record.cancel_requested,
            events=record.events,
            links=RunLinks.of(record.id, record.capsule, root),
        )


class RunPage(Frozen):
    """Newest first. `next` is the `before` of the following page; null on the last."""

    runs: tuple[RunSummary, ...]
    next: RunId | None = None


class CapsulePage(Frozen):
    """Newest first. `next` is the `before` of the following page; null on the last."""

    capsules: tuple[CapsuleSummary, ...]
    next: CapsuleId | None = None


class CapsuleView(Frozen):
    """A capsule's id and everything that is known about it."""

    id: CapsuleId
    manifest: CapsuleManifest


class Part(Frozen):
    """One thing that the API needs."""

    name: str
    """records, blobs, sandbox or model."""
    ok: bool
    detail: str = ""


class Readiness(Frozen):
    """`ready` only when every part is."""

    ready: bool
    parts: tuple[Part, ...]


class CapsuleEdit(Frozen):
    """A person's correction of one function."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "slot": "slugify",
                    "code": "def slugify(text: str) -> str:\n    return '-'.join(text.lower().split())\n",
                    "who": "ada",
                }
            ]
        }
    )

    code: str = Field(min_length=1, max_length=MAX_SPEC_BYTES)
    """The whole function, with its imports and helpers."""
    who: str = Field(min_length=1, max_length=200)
    """The person whose correction it is."""
    slot: str | None = Field(default=None, max_length=200)
    """The function; may be left out when the capsule has only one."""
    force: bool = False
    """Make it also when checks that passed would fail; that is recorded."""


class CapsuleAcceptance(Frozen):
    """That a person accepts a capsule."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"who": "ada", "note": "reviewed line by line"}]}
    )

    who: str = Field(min_length=1, max_length=200)
    note: str = Field(default="", max_length=2_000)
    """Why, or on what condition."""
