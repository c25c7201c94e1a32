"""A whole project out of slots: filled one by one, and after each the project is looked at as a whole.

A filling stays only while the imports between the modules hold, the project boots, and every slot that was
green before it is green still. One that breaks any of these is rolled back to the tree before it; what was
good stays. Each look is a recorded step, so a killed run goes on behind the last slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qlayer.generation.base import Skeleton, Slot
from qlayer.generation.neighbours import in_dependency_order, with_neighbours
from qlayer.pipeline.attempts import run_in_order
from qlayer.pipeline.journal import Journal
from qlayer.pipeline.loop import Loop
from qlayer.sandbox.base import Sandbox
from qlayer.types.ids import Digest
from qlayer.types.run import ProjectChecked, SlotSettled
from qlayer.types.source import SourceTree
from qlayer.validation.import_graph import import_problems


@dataclass(frozen=True)
class Filled:
    """One slot after its turn, with the tree that it was filled in."""

    slot: Slot
    before: SourceTree
    settled: SlotSettled
    """As it counts: a filling that was rolled back is not kept."""


@dataclass(frozen=True)
class Project:
    """Fills a skeleton's slots in dependency order."""

    loop: Loop
    sandbox: Sandbox
    journal: Journal
    skeleton: Skeleton

    async def build(self) -> tuple[SourceTree, tuple[Filled, ...]]:
        """The finished tree and what became of each slot. Raises as `Loop.settle` does."""
        slots = in_dependency_order(self.skeleton.slots)
        tree = self.skeleton.tree
        done: list[Filled] = []
        for place, slot in enumerate(slots):
            shown = with_neighbours(slot, slots[:place], tree)
            settled, after = await self.loop.settle(shown, tree, len(slots) - place)
            green = [one.slot for one in done if one.settled.solved]
            problem = await self._look(slot, tree, after, green) if len(slots) > 1 else None
            if problem is not None:
                settled, after = _rolled_back(settled, tree, problem), tree
            done.append(Filled(shown, tree, settled))
            tree = after
        return tree, tuple(done)

    async def _look(
        self, slot: Slot, before: SourceTree, after: SourceTree, green: Sequence[Slot]
    ) -> str | None:
        """What the filling broke; None when all that held still holds."""
        if after.digest == before.digest:
            return None

        async def make() -> ProjectChecked:
            problems = await self._problems(before, after, green)
            return ProjectChecked(slot=slot.name, tree=after.digest, problems=problems)

        inputs = [slot.name, before.digest, after.digest]
        checked = await self.journal.step("project", inputs, ProjectChecked, make)
        return checked.problems[0] if checked.problems else None

    async def _problems(
        self, before: SourceTree, after: SourceTree, green: Sequence[Slot]
    ) -> tuple[str, ...]:
        known = import_problems(before)
        found = [problem for problem in import_problems(after) if problem not in known]
        if not found:
            boot = await run_in_order(self.skeleton.boot, after, self.sandbox)
            found = [f"{check.check}: {check.verdict.cause}" for check in boot if not check.ok]
        for slot in green if not found else ():
            checks = await run_in_order(slot.checks, after, self.sandbox)
            found += [f"{slot.name} was green and fails now" for check in checks if not check.ok][:1]
        return tuple(found)


def _rolled_back(settled: SlotSettled, tree: SourceTree, problem: str) -> SlotSettled:
    digest: Digest = tree.digest
    reason = f"rolled back, for it broke the project: {problem} (before: {settled.reason})"
    return settled.model_copy(update={"kept": None, "tree": digest, "solved": False, "reason": reason})
