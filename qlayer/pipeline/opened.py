"""A capsule taken apart for a person: the slot that is meant, what stands in it, what was wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qlayer.errors import InputError
from qlayer.generation.base import Skeleton, Slot
from qlayer.generation.neighbours import in_dependency_order
from qlayer.generation.repair import mistake_signature
from qlayer.generation.splice import fill, read
from qlayer.generation.templates import TEMPLATES
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.delivery.deliver import holds, replaced
from qlayer.types.capsule import AttemptRecord, CapsuleManifest
from qlayer.types.ids import CapsuleId
from qlayer.types.memory import ACCEPTED_BUT_WRONG, Mistake
from qlayer.types.source import SourceTree
from qlayer.validation.feedback import first_failure


@dataclass(frozen=True)
class Opened:
    """A capsule with its skeleton, and one of its slots."""

    manifest: CapsuleManifest
    tree: SourceTree
    skeleton: Skeleton
    slot: Slot

    @property
    def code(self) -> str:
        """What stands in the slot with its helpers; where nothing was kept there, what was tried last."""
        codes = self._codes()
        if self.slot.name in codes:
            return codes[self.slot.name]
        if self._unfilled and self._tries:
            return self._tries[-1].candidate.code
        return read(self.tree, self.slot)

    @property
    def mistake(self) -> Mistake:
        """What was known to be wrong: of the capsule, or of the last try where none was kept."""
        failure = first_failure((), self.manifest.checks)
        if self._unfilled and self._tries:
            last = self._tries[-1]
            failure = first_failure(last.candidate.diagnoses, last.checks) or failure
        if failure is None:
            return Mistake(signature=ACCEPTED_BUT_WRONG, message="every check had passed")
        signature = mistake_signature(failure)
        return Mistake(signature=signature, message=failure.message, check=failure.check, case=failure.case)

    def with_code(self, code: str) -> SourceTree:
        """The project with this code in the slot, and nothing left of what helped the old one.

        It is filled afresh from the skeleton where that gives the capsule's own files. A capsule of an
        earlier version of its template keeps its files, and only the function changes.
        """
        codes = self._codes()
        if not codes:
            return fill(self.tree, self.slot, code)
        return replaced(self.tree, _filled(self.skeleton, {**codes, self.slot.name: code}))

    def _codes(self) -> dict[str, str]:
        """Slot -> the code that was put there last; empty when that does not make the capsule's files.

        Those that were added to ship it do not count: no slot is in them.
        """
        codes = {attempt.slot: attempt.candidate.code for attempt in self.manifest.attempts if attempt.kept}
        codes |= {edit.slot: edit.code for edit in self.manifest.edits}
        return codes if holds(self.tree, _filled(self.skeleton, codes)) else {}

    @property
    def _unfilled(self) -> bool:
        """Whether the slot has the skeleton's body still."""
        return read(self.tree, self.slot) == read(self.skeleton.tree, self.slot)

    @property
    def _tries(self) -> list[AttemptRecord]:
        return [attempt for attempt in self.manifest.attempts if attempt.slot == self.slot.name]


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


def _filled(skeleton: Skeleton, codes: Mapping[str, str]) -> SourceTree:
    tree = skeleton.tree
    for slot in in_dependency_order(skeleton.slots):
        if slot.name in codes:
            tree = fill(tree, slot, codes[slot.name])
    return tree
