"""A project with a person's code in its slots: what a template can be tried with, without a model."""

from __future__ import annotations

import ast

from qlayer.generation.base import Skeleton, Slot
from qlayer.generation.splice import fill
from qlayer.types.source import SourceTree

_IMPORTS = (ast.Import, ast.ImportFrom)


def filled(skeleton: Skeleton, reference: str) -> SourceTree:
    """The skeleton with each slot's function from `reference`, which may hold helpers and imports besides.

    Raises `InputError` when a slot's function is missing.
    """
    names = {slot.name for slot in skeleton.slots}
    tree = skeleton.tree
    for slot in skeleton.slots:
        tree = fill(tree, slot, _code_for(slot, names, reference))
    return tree


def _code_for(slot: Slot, slots: set[str], reference: str) -> str:
    """The slot's function with the imports and the helpers of the reference, without those of other slots."""
    kept = [
        node
        for node in ast.parse(reference).body
        if isinstance(node, _IMPORTS) or getattr(node, "name", None) not in slots - {slot.name}
    ]
    return "\n\n".join(ast.unparse(node) for node in kept) + "\n"
