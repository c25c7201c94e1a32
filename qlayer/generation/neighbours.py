"""The order in which slots are filled, and what a slot is shown of those that were filled before it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from qlayer.generation.base import Slot
from qlayer.generation.edits import Function, find_function
from qlayer.generation.splice import read
from qlayer.types.source import SourceTree

MAX_SHOWN_CHARS = 3_000
"""Of other slots' code: half of what a prompt may hold of context."""


def in_dependency_order(slots: Sequence[Slot]) -> tuple[Slot, ...]:
    """A slot after those that it uses, else as they were. Slots that use each other stay in place."""
    place = {slot.name: number for number, slot in enumerate(slots)}
    wanted = {slot.name: {*slot.uses, *slot.like} & place.keys() - {slot.name} for slot in slots}
    sorter = TopologicalSorter(wanted)
    try:
        sorter.prepare()
    except CycleError:
        return tuple(slots)
    ordered: list[Slot] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=place.__getitem__)
        name = ready.pop(0)
        ordered.append(slots[place[name]])
        sorter.done(name)
    return tuple(ordered)


def with_neighbours(slot: Slot, others: Sequence[Slot], tree: SourceTree) -> Slot:
    """The slot with its neighbours in its context, as they stand in `tree`.

    Of what it uses the head and the docstring's first line; of what it shares data with the whole function.
    """
    shown = [slot.context] if slot.context else []
    for other in others:
        if other.name in slot.like:
            shown.append(read(tree, other).rstrip())
        elif other.name in slot.uses:
            shown.append(signature_of(tree, other))
    text = "\n\n\n".join(shown)
    return slot.model_copy(update={"context": text[: len(slot.context) + MAX_SHOWN_CHARS]})


def signature_of(tree: SourceTree, slot: Slot) -> str:
    """``def name(...) -> T: ...`` with the first line of the docstring."""
    function = find_function(ast.parse(tree.text(slot.path)), slot.name)
    return _head(function, slot.signature) if function is not None else f"{slot.signature}: ..."


def _head(function: Function, signature: str) -> str:
    line = (ast.get_docstring(function) or "").strip().partition("\n")[0].replace('"""', "'''")
    return f'{signature}:\n    """{line}"""\n    ...' if line else f"{signature}: ..."
