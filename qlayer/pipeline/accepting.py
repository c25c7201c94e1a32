"""A person accepts a capsule: its checks are run once more, and who took it is part of its evidence (V5).

The capsule that was accepted stays as it is; another one with the same files names it as its parent.
"""

from __future__ import annotations

from dataclasses import dataclass

from qlayer.errors import ConflictError, InputError
from qlayer.packaging.capsule import Capsules
from qlayer.pipeline.attempts import run_in_order
from qlayer.pipeline.opened import skeleton_of
from qlayer.pipeline.pipeline import unproved
from qlayer.sandbox.base import Sandbox
from qlayer.store.clock import Clock
from qlayer.types.capsule import AcceptRecord
from qlayer.types.check import CheckResult, Decision, Level
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId
from qlayer.validation.decision import decide


class AcceptRequest(Frozen):
    """Who accepts what."""

    capsule: CapsuleId
    who: str
    note: str = ""


class AcceptResult(Frozen):
    """An acceptance that was recorded."""

    capsule: CapsuleId
    """The new one, at V5."""
    parent: CapsuleId
    before: Decision
    after: Decision
    checks: tuple[CheckResult, ...]
    """Of the revalidation."""


@dataclass(frozen=True)
class Accepting:
    """Takes acceptances in."""

    capsules: Capsules
    sandbox: Sandbox
    now: Clock

    async def accept(self, request: AcceptRequest) -> AcceptResult:
        """Record that a person accepts a capsule.

        1. Load it, 2. run all its checks again, 3. refuse when a trusted one fails, 4. pack with the record.
        Examples that the spec lacks are the person's to answer for; failing ones are nobody's.
        Raises `InputError`, `ConflictError` (accepted before), `NotFoundError`, `SandboxError`, `StoreError`.
        """
        if not request.who.strip():
            raise InputError("say who accepts it", field="who")
        manifest, tree = await self.capsules.load(request.capsule)
        if manifest.acceptance is not None:
            raise ConflictError(f"{manifest.acceptance.who} accepted this capsule already")
        skeleton = skeleton_of(manifest)
        checks = await run_in_order((*skeleton.boot, *skeleton.final), tree, self.sandbox)
        _refuse_failing(checks)
        proved = decide(tree, checks, unproved=unproved(skeleton), proofs=manifest.proofs)
        decision = _accepted(proved, request)
        at = self.now()
        record = AcceptRecord(
            parent=request.capsule, who=request.who, note=request.note, at=at, level=manifest.decision.level
        )
        changed = {"created_at": at, "checks": checks, "decision": decision, "acceptance": record}
        capsule = await self.capsules.pack(manifest.model_copy(update=changed), tree)
        return AcceptResult(
            capsule=capsule, parent=request.capsule, before=manifest.decision, after=decision, checks=checks
        )


def _refuse_failing(checks: tuple[CheckResult, ...]) -> None:
    failing = [f"{check.check}: {check.verdict.cause}" for check in checks if check.trusted and not check.ok]
    if failing:
        raise InputError(
            f"it does not pass its own checks: {'; '.join(failing)}",
            field="capsule",
            hint="correct it first: qlayer capsule edit",
        )


def _accepted(proved: Decision, request: AcceptRequest) -> Decision:
    said = f" and says: {request.note}" if request.note.strip() else ""
    without = proved.level.value if proved.level is not None else "no level"
    reason = f"{request.who} accepted it{said} (without that it is at {without})"
    return Decision(level=Level.V5, allow=True, reasons=(*proved.reasons, reason))
