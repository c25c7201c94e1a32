"""What was learned from people: corrections of capsules, rules that follow from them, hints for a prompt.

A correction is a fact and never changes. Rules are folded from corrections (`qlayer.memory.rules`), so that
each shows its evidence and goes when its evidence goes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NewType

from pydantic import Field

from qlayer.types.check import Decision
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId, Digest, RunId, digest_of

MemoryId = NewType("MemoryId", str)
"""``cor-`` (a correction) or ``rule-`` and 12 hex digits."""

ACCEPTED_BUT_WRONG = "accepted but wrong"
"""Signature of a mistake that no check had seen."""


class Mistake(Frozen):
    """The error that a correction fixed, as far as it was known before the correction."""

    signature: str
    """Exception type and message without its values, or `ACCEPTED_BUT_WRONG`: the same text for the same kind
    of mistake in different programs."""
    message: str = ""
    """One sentence for a person."""
    check: str | None = None
    case: str | None = None


class Replacement(Frozen):
    """One piece of a program that gives way to another wherever it stands."""

    kind: Literal["attribute", "name", "expression"]
    wrong: str
    """An identifier, or an expression as `ast.unparse` writes it."""
    right: str


class MechanicalFix(Frozen):
    """An edit that can be made without understanding the program."""

    imports: tuple[str, ...] = ()
    """Import statements to add, sorted."""
    replacements: tuple[Replacement, ...] = ()

    def __str__(self) -> str:
        dots = {"attribute": "."}
        swaps = [
            f"{dots.get(r.kind, '')}{r.wrong} -> {dots.get(r.kind, '')}{r.right}" for r in self.replacements
        ]
        return "; ".join([*swaps, *(f"add {line}" for line in self.imports)])


class Correction(Frozen):
    """What a person changed in one function of a capsule, and all that learning needs to know of it."""

    schema_version: Literal[1] = 1
    capsule: CapsuleId
    """The one that was edited."""
    corrected: CapsuleId
    """The one that the edit made."""
    run_id: RunId
    """The run that made the function."""
    spec: Digest
    template: str
    slot: str
    brief: str
    """What the function has to do, with its head: what similarity is measured on."""
    system: str
    prompt: str
    """The conversation's head and question, as a model is asked for this function."""
    wrong: str
    right: str
    """Whole functions with their imports and helpers."""
    mistake: Mistake
    fix: MechanicalFix | None = None
    """The edit from wrong to right, when it is a mechanical one."""
    before: Decision
    after: Decision
    lost: tuple[str, ...] = ()
    """Checks that passed before and fail now; not empty only when the person insisted."""
    who: str
    at: datetime

    @property
    def id(self) -> MemoryId:
        """The same for the same change of the same function, whoever makes it and whenever."""
        return _memory_id("cor", [self.spec, self.slot, self.wrong, self.right])


class Rule(Frozen):
    """One mechanical fix that people made often enough for the same kind of mistake."""

    signature: str
    fix: MechanicalFix
    evidence: tuple[MemoryId, ...]
    """The corrections that it follows from, oldest first."""

    @property
    def id(self) -> MemoryId:
        return _memory_id("rule", [self.signature, self.fix])


class Hint(Frozen):
    """A corrected function that is shown to the model beside a similar task."""

    memory: MemoryId
    score: float
    """Similarity of the two briefs, 0 to 1."""
    brief: str
    code: str


class Recall(Frozen):
    """What one run uses of the memory. It is recorded, so that a resumed run uses the same."""

    retrieval: str = "none"
    """The name of the similarity."""
    rules: tuple[Rule, ...] = ()
    hints: dict[str, tuple[Hint, ...]] = Field(default={})
    """Slot -> at most two."""

    @property
    def shown(self) -> tuple[MemoryId, ...]:
        """Ids of the corrections that the model is shown, sorted."""
        return tuple(sorted({hint.memory for of_slot in self.hints.values() for hint in of_slot}))

    @property
    def memories(self) -> tuple[MemoryId, ...]:
        """Ids of everything in it, sorted."""
        return tuple(sorted({*self.shown, *(rule.id for rule in self.rules)}))


def is_rule(name: str) -> bool:
    """Whether this is the id of a rule; every rule is also an automatic fix of that name."""
    return name.startswith("rule-")


def _memory_id(kind: str, identity: object) -> MemoryId:
    return MemoryId(f"{kind}-{digest_of(identity).removeprefix('sha256:')[:12]}")
