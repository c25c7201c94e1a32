"""A benchmark's task as the loop sees it: through intake and template, as a user's request."""

from __future__ import annotations

from jobs.benchmarks import Task
from qlayer.generation.base import Skeleton, Slot
from qlayer.generation.gate import inspect
from qlayer.generation.intake import parse_spec
from qlayer.generation.splice import fill
from qlayer.generation.templates import choose
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree
from qlayer.types.spec import Spec

TEMPLATE = "function"


class Slotted(Frozen):
    """The spec, and the one slot of its project that a model fills."""

    spec: Spec
    skeleton: Skeleton
    slot: Slot

    @classmethod
    def of(cls, task: Task) -> Slotted:
        spec = parse_spec(task.text, template=TEMPLATE)
        skeleton = choose(spec)[0].instantiate(spec)
        (slot,) = skeleton.slots
        return cls(spec=spec, skeleton=skeleton, slot=slot)

    def tree_with(self, code: str) -> SourceTree | None:
        """The project with this filling; None when the gate refuses it."""
        if any(diagnosis.fatal for diagnosis in inspect(code, self.slot)):
            return None
        return fill(self.skeleton.tree, self.slot, code)
