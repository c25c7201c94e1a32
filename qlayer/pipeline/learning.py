"""What a run uses of people's corrections: looked up once, recorded, and put into the slots.

Nothing here decides anything later in the run: rules are automatic fixes among others, hints are text in a
prompt, and the checks judge as ever.
"""

from __future__ import annotations

from dataclasses import dataclass

from qlayer.errors import InputError, NotFoundError
from qlayer.generation.base import Skeleton, Slot
from qlayer.generation.learned import apply_fix
from qlayer.memory.retrieval import retrieve
from qlayer.memory.rules import in_force, learned_rules
from qlayer.memory.similarity import Similarity
from qlayer.pipeline.journal import Journal
from qlayer.store.base import Memories
from qlayer.types.memory import Correction, MechanicalFix, MemoryId, Recall, Rule, is_rule
from qlayer.types.run import Checked, Recalled


@dataclass(frozen=True)
class Learning:
    """The memory, with the similarity by which it is searched."""

    memories: Memories
    similarity: Similarity

    async def equip(self, journal: Journal, skeleton: Skeleton) -> Skeleton:
        """The skeleton whose slots carry rules and hints; a resumed run gets those of its first session.

        Raises `StoreError`, `LLMError`.
        """

        async def make() -> Recalled:
            return Recalled(recall=await self.recall(skeleton))

        inputs = [skeleton.template, skeleton.tree.digest]
        recall = (await journal.step("recall", inputs, Recalled, make)).recall
        await self.memories.mark_used(recall.shown, journal.run_id)
        return equipped(skeleton, recall)

    async def count_rules(self, journal: Journal) -> None:
        """Mark the rules as used that changed one of the run's programs. Done again it changes nothing."""
        record = await journal.record()
        checked = (event.body for event in record.events if isinstance(event.body, Checked))
        applied = {MemoryId(fix) for body in checked for fix in body.candidate.fixes if is_rule(fix)}
        await self.memories.mark_used(sorted(applied), journal.run_id)

    async def recall(self, skeleton: Skeleton) -> Recall:
        """What is of use for this project."""
        corrections = await self.memories.corrections()
        kept = in_force(corrections)
        hints = {
            slot.name: await retrieve(brief_of(slot), skeleton.template, kept, self.similarity)
            for slot in skeleton.slots
        }
        return Recall(
            retrieval=self.similarity.name,
            rules=learned_rules(corrections, await self.memories.forgotten(), would_change),
            hints={name: found for name, found in hints.items() if found},
        )

    async def rules(self) -> tuple[Rule, ...]:
        """The rules in force."""
        corrections = await self.memories.corrections()
        return learned_rules(corrections, await self.memories.forgotten(), would_change)

    async def find(self, text: str) -> Correction | Rule:
        """The correction or rule of this id, or of this beginning of one.

        Raises `NotFoundError`, and `InputError` when there is more than one.
        """
        known: list[Correction | Rule] = [*await self.memories.corrections(), *await self.rules()]
        found = [item for item in known if item.id.startswith(text)] if text else []
        if not found:
            raise NotFoundError(f"no memory {text!r}", kind="memory", hint="qlayer memory ls")
        if len(found) > 1:
            raise InputError(f"more than one memory begins with {text}; give more digits", field="memory")
        return found[0]


def equipped(skeleton: Skeleton, recall: Recall) -> Skeleton:
    """The skeleton with what was recalled in its slots."""
    slots = (
        slot.model_copy(update={"rules": recall.rules, "hints": recall.hints.get(slot.name, ())})
        for slot in skeleton.slots
    )
    return skeleton.model_copy(update={"slots": tuple(slots)})


def brief_of(slot: Slot) -> str:
    """What a slot has to do, in the words that are compared: its head and its brief."""
    return f"{slot.signature}\n{slot.brief.strip()}".strip()


def would_change(code: str, fix: MechanicalFix) -> bool:
    return apply_fix(code, fix) is not None
