"""The names that a slot's code may use because the platform's code around it defines them."""

from __future__ import annotations

import ast
import re

from qlayer.generation.base import Slot
from qlayer.generation.edits import bound_names, parse

_DEFINED = re.compile(r"^[ \t]*(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]+)?=", re.M)
_IMPORT = re.compile(r"^(?:import|from)[ \t].+$", re.M)


def context_names(slot: Slot) -> set[str]:
    """Names bound by the slot's context, and those of its signature's annotations and defaults.

    A context that is no valid module (bare heads without a body) is read line by line.
    """
    wanted = ast.parse(f"{slot.signature}: ...").body[0]
    used = {node.id for node in ast.walk(wanted) if isinstance(node, ast.Name)}
    return used | _defined(slot.context)


def _defined(context: str) -> set[str]:
    module = parse(context)
    if module is not None:
        return bound_names(module.body)
    names = {a or b for a, b in _DEFINED.findall(context)}
    for line in _IMPORT.findall(context):
        statement = parse(line)
        names |= bound_names(statement.body) if statement else set()
    return names
