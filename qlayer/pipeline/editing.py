"""A person's correction of a capsule: put in place, judged like a model's program, packed and remembered.

The capsule that was edited stays as it is; the edit makes another one that names it as its parent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qlayer.errors import InputError
from qlayer.generation.base import Skeleton, Slot
from qlayer.generation.gate import inspect
from qlayer.generation.learned import fix_between
from qlayer.generation.neighbours import in_dependency_order
from qlayer.generation.prompt import greedy_prompt
from qlayer.generation.repair import mistake_signature
from qlayer.generation.splice import fill, read
from qlayer.generation.templates import TEMPLATES
from qlayer.packaging.capsule import Capsules
from qlayer.pipeline.attempts import run_in_order
from qlayer.pipeline.learning import brief_of
from qlayer.pipeline.pipeline import unproved
from qlayer.sandbox.base import Sandbox
from qlayer.store.base import Memories
from qlayer.store.clock import Clock
from qlayer.types.capsule import AttemptRecord, CapsuleManifest, EditRecord
from qlayer.types.check import CheckResult, Decision
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId
from qlayer.types.memory import ACCEPTED_BUT_WRONG, Correction, MemoryId, Mistake
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome
from qlayer.validation.decision import decide
from qlayer.validation.feedback import first_failure

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
class Opened:
    """A capsule taken apart for an edit."""

    manifest: CapsuleManifest
    tree: SourceTree
    skeleton: Skeleton
    slot: Slot

    @property
    def code(self) -> str:
        """What stands in the slot, or what was last tried there."""
        codes = _codes(self.manifest)
        return codes.get(self.slot.name) or _last_try(self.manifest, self.slot) or read(self.tree, self.slot)


@dataclass(frozen=True)
class Editing:
    """Takes corrections in."""

    capsules: Capsules
    memories: Memories
    sandbox: Sandbox
    now: Clock

    async def edit(self, request: EditRequest) -> EditResult:
        """Make the correction.

        1. Put the code in its slot, 2. run all checks of the capsule, 3. refuse when one that passed fails,
        4. pack, 5. remember. Killed in between, the same request made again ends the work.
        Raises `InputError`, `NotFoundError`, `SandboxError`, `StoreError`.
        """
        opened = await open_slot(self.capsules, request.capsule, request.slot)
        _refuse_unfit(request.code, opened)
        tree = _with_code(opened, request.code)
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
        manifest = self._manifest(opened, request, tree, checks, decision, lost)
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
            "acceptance": None,
        }
        return opened.manifest.model_copy(update=changed)


async def open_slot(capsules: Capsules, capsule: CapsuleId, slot: str | None) -> Opened:
    """A capsule's slot for editing. Raises `InputError`: no such slot, or several and none was named."""
    manifest, tree = await capsules.load(capsule)
    skeleton = skeleton_of(manifest)
    names = ", ".join(item.name for item in skeleton.slots) or "none"
    if slot is None and len(skeleton.slots) != 1:
        raise InputError("say which function is to be edited", field="slot", limit=f"one of {names}")
    for found in skeleton.slots:
        if slot in (None, found.name):
            return Opened(manifest, tree, skeleton, found)
    raise InputError(f"the capsule has no function {slot!r} to edit", field="slot", limit=f"one of {names}")


def skeleton_of(manifest: CapsuleManifest) -> Skeleton:
    """What the capsule grew from, with its checks. Raises `InputError` when its template is gone."""
    template = TEMPLATES.get(manifest.template)
    if template is None:
        raise InputError(f"the template {manifest.template} is not known to this version", field="capsule")
    return template.instantiate(manifest.spec)


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


def _with_code(opened: Opened, code: str) -> SourceTree:
    """The project with this code in the slot, and nothing left of what helped the old one.

    It is filled afresh from the skeleton where that gives the capsule's own files; a capsule of an earlier
    version of its template keeps its files, and only the function changes.
    """
    codes = _codes(opened.manifest)
    if _filled(opened.skeleton, codes).digest == opened.tree.digest:
        return _filled(opened.skeleton, {**codes, opened.slot.name: code})
    return fill(opened.tree, opened.slot, code)


def _filled(skeleton: Skeleton, codes: Mapping[str, str]) -> SourceTree:
    tree = skeleton.tree
    for slot in in_dependency_order(skeleton.slots):
        if slot.name in codes:
            tree = fill(tree, slot, codes[slot.name])
    return tree


def _codes(manifest: CapsuleManifest) -> dict[str, str]:
    """Slot -> the code that was put there last; slots that kept the skeleton's body are left out."""
    kept = {attempt.slot: attempt.candidate.code for attempt in manifest.attempts if attempt.kept}
    return kept | {edit.slot: edit.code for edit in manifest.edits}


def _tries(manifest: CapsuleManifest, slot: Slot) -> list[AttemptRecord]:
    return [attempt for attempt in manifest.attempts if attempt.slot == slot.name]


def _last_try(manifest: CapsuleManifest, slot: Slot) -> str | None:
    tries = _tries(manifest, slot)
    return tries[-1].candidate.code if tries else None


def _mistake(opened: Opened) -> Mistake:
    """What was known to be wrong: of the capsule, or of the last try when none was kept."""
    manifest, slot = opened.manifest, opened.slot
    failure = first_failure((), manifest.checks)
    tries = _tries(manifest, slot)
    if tries and slot.name not in _codes(manifest):
        failure = first_failure(tries[-1].candidate.diagnoses, tries[-1].checks) or failure
    if failure is None:
        return Mistake(signature=ACCEPTED_BUT_WRONG, message="every check had passed")
    return Mistake(
        signature=mistake_signature(failure), message=failure.message, check=failure.check, case=failure.case
    )


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
        mistake=_mistake(opened),
        fix=fix_between(opened.code, request.code),
        before=manifest.decision,
        after=after.decision,
        lost=after.edits[-1].lost,
        who=request.who,
        at=after.created_at,
    )
