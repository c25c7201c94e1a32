"""A person's correction of a capsule: put in place, judged like a model's program, packed and remembered.

The capsule that was edited stays as it is; the edit makes another one that names it as its parent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from qlayer.errors import InputError
from qlayer.generation.gate import inspect
from qlayer.generation.learned import fix_between
from qlayer.generation.prompt import greedy_prompt
from qlayer.packaging.capsule import Capsules
from qlayer.pipeline.attempts import run_in_order
from qlayer.pipeline.learning import brief_of
from qlayer.pipeline.opened import Opened, open_slot
from qlayer.pipeline.pipeline import unproved
from qlayer.sandbox.base import Sandbox
from qlayer.store.base import Memories
from qlayer.store.clock import Clock
from qlayer.types.capsule import CapsuleManifest, EditRecord
from qlayer.types.check import CheckResult, Decision
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId
from qlayer.types.memory import Correction, MemoryId
from qlayer.types.scan import ScanReport
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome
from qlayer.validation.decision import decide

_REFUSED = ("size", "no-code", "syntax", "missing-function", "signature", "async")
"""What the gate says of code that cannot stand in the slot at all. The rest is the person's to decide."""


class EditRequest(Frozen):
    """What a person wants in a slot."""

    capsule: CapsuleId
    code: str
    """The whole function, with its imports and helpers."""
    who: str
    slot: str | None = None
    """None: the only one there is."""
    force: bool = False
    """Also when checks that passed would fail."""


class EditResult(Frozen):
    """A correction that was made."""

    capsule: CapsuleId
    """The new one."""
    parent: CapsuleId
    correction: MemoryId
    before: Decision
    after: Decision
    checks: tuple[CheckResult, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True)
class Editing:
    """Takes corrections in."""

    capsules: Capsules
    memories: Memories
    sandbox: Sandbox
    now: Clock
    scan: Callable[[SourceTree], Awaitable[ScanReport]] | None = None
    """Looks at the corrected project as at a new one; None: the capsule carries no scan."""

    async def edit(self, request: EditRequest) -> EditResult:
        """Make the correction.

        1. Put the code in its slot, 2. run all checks of the capsule, 3. refuse when one that passed fails,
        4. pack, 5. remember. Killed in between, the same request made again ends the work.
        Raises `InputError`, `NotFoundError`, `SandboxError`, `StoreError`.
        """
        opened = await open_slot(self.capsules, request.capsule, request.slot)
        _refuse_unfit(request.code, opened)
        tree = opened.with_code(request.code)
        plans = (*opened.skeleton.boot, *opened.skeleton.final)
        checks = await run_in_order(plans, tree, self.sandbox)
        lost = lost_checks(opened.manifest.checks, checks)
        if lost and not request.force:
            raise InputError(
                f"checks that passed before would fail: {', '.join(lost)}",
                field="code",
                hint="correct the code, or insist with --force: then it is recorded what was lost",
            )
        decision = decide(tree, checks, unproved=unproved(opened.skeleton))
        scanned = await self.scan(tree) if self.scan is not None else None
        manifest = self._manifest(opened, request, tree, checks, decision, lost, scanned)
        capsule = await self.capsules.pack(manifest, tree)
        correction = _correction(opened, request, manifest)
        await self.memories.remember(correction)
        return EditResult(
            capsule=capsule,
            parent=request.capsule,
            correction=correction.id,
            before=opened.manifest.decision,
            after=decision,
            checks=checks,
            lost=lost,
        )

    def _manifest(
        self,
        opened: Opened,
        request: EditRequest,
        tree: SourceTree,
        checks: tuple[CheckResult, ...],
        decision: Decision,
        lost: tuple[str, ...],
        scanned: ScanReport | None,
    ) -> CapsuleManifest:
        at = self.now()
        edit = EditRecord(
            parent=request.capsule,
            slot=opened.slot.name,
            code=request.code,
            who=request.who,
            at=at,
            lost=lost,
        )
        changed = {
            "created_at": at,
            "tree": tree.digest,
            "files": tree.entries(),
            "checks": checks,
            "decision": decision,
            "edits": (*opened.manifest.edits, edit),
            "proofs": (),  # these two are about what the model wrote
            "assessment": None,
            "scan": scanned,
            "acceptance": None,
        }
        return opened.manifest.model_copy(update=changed)


def lost_checks(before: Sequence[CheckResult], after: Sequence[CheckResult]) -> tuple[str, ...]:
    """Checks, or cases of failing checks (``check/case``), that passed before and do not now."""
    now_passed = {check.check for check in after if check.ok} | set(_passed_cases(after))
    whole = [check.check for check in before if check.ok and check.check not in now_passed]
    failing = [check for check in before if not check.ok]
    return (*whole, *(name for name in _passed_cases(failing) if name not in now_passed))


def _passed_cases(checks: Sequence[CheckResult]) -> list[str]:
    return [
        f"{check.check}/{case.name}"
        for check in checks
        for case in check.cases
        if case.outcome is Outcome.ACCEPTED
    ]


def _refuse_unfit(code: str, opened: Opened) -> None:
    for found in inspect(code, opened.slot):
        if found.fatal and found.rule in _REFUSED:
            where = f" (line {found.line})" if found.line is not None else ""
            raise InputError(f"{found.message}{where}", field="code")
    if code.strip() == opened.code.strip():
        raise InputError("the code is what the capsule holds already", field="code")


def _correction(opened: Opened, request: EditRequest, after: CapsuleManifest) -> Correction:
    manifest, slot = opened.manifest, opened.slot
    system, question = greedy_prompt(slot, manifest.spec)
    return Correction(
        capsule=request.capsule,
        corrected=after.id,
        run_id=manifest.run_id,
        spec=manifest.spec_digest,
        template=manifest.template,
        slot=slot.name,
        brief=brief_of(slot),
        system=system.content,
        prompt=question.content,
        wrong=opened.code,
        right=request.code,
        mistake=opened.mistake,
        fix=fix_between(opened.code, request.code),
        before=manifest.decision,
        after=after.decision,
        lost=after.edits[-1].lost,
        who=request.who,
        at=after.created_at,
    )
