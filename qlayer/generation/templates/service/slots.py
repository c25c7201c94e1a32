"""The functions that a model writes: what each must do, and what it may rely on.

Everything is kept tiny and concrete (plain dicts, one example row, five calls of the store), so that a model
of 1.5 billion parameters gets it right and the prompt stays below 350 tokens.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from qlayer.generation.base import Slot
from qlayer.generation.imports import SAFE_MODULES
from qlayer.generation.templates.service.actions import Action
from qlayer.generation.templates.service.constraints import Kind as Rule
from qlayer.generation.templates.service.constraints import later, sample_value
from qlayer.generation.templates.service.naming import phrase, with_article
from qlayer.generation.templates.service.parts import Design, Resource
from qlayer.types.check import CheckPlan
from qlayer.types.spec import HttpExample

ALLOWED_IMPORTS = (*sorted(SAFE_MODULES), "app.store", "fastapi")
"""Models like to repeat the store's import and to raise HTTPException; both are fine here."""
MAX_SHOWN_EXAMPLES = 2
MAX_SHOWN_CHARS = 200


def rule_signature(resource: Resource) -> str:
    return f"def {resource.rule_slot}({resource.one}: dict[str, Any]) -> None"


def action_signature(action: Action, design: Design) -> str:
    """Required parameters first, as Python wants it; the store only when there is something kept in it."""
    ordered = sorted(action.parameters, key=lambda parameter: not parameter.required)
    given = [f"{p.name}: {p.annotation}{'' if p.required else ' = None'}" for p in ordered]
    store = ["store: Store"] if design.resources else []
    return f"def {action.name}({', '.join(store + given)}) -> {action.returns}"


def rule_brief(resource: Resource) -> str:
    asked = (
        f"Raise ValueError with a short message when the {phrase(resource.one)} breaks one of these rules:"
    )
    return "\n".join([asked, *(f"- {rule}" for rule in resource.open_rules)])


def action_brief(action: Action) -> str:
    """One sentence from the route, the rules about it, and what it gave in the spec's examples."""
    summary = action.summary or f"answer {action.method} {action.path}"
    lines = [summary[:1].upper() + summary[1:] + ("" if summary.endswith(".") else ".")]
    lines += [f"Rule: {rule}." for rule in action.rules]
    successes = [step for step in action.examples if step.status < 300 and step.expected is not None]
    lines += [_shown(action, step) for step in successes[:MAX_SHOWN_EXAMPLES]]
    refusals = dict.fromkeys(step.status for step in action.examples if step.status in (400, 409, 422))
    for status in refusals:
        kind = "ConflictError" if status == 409 else "ValueError"
        lines.append(f"When it must not be done, raise {kind} with a short message.")
    return "\n".join(lines)


def rule_slot(resource: Resource, checks: Sequence[CheckPlan]) -> Slot:
    return Slot(
        name=resource.rule_slot,
        path="app/rules.py",
        module="app.rules",
        signature=rule_signature(resource),
        brief=rule_brief(resource),
        context=f"# {with_article(phrase(resource.one))}: {json_text(example_row(resource, numbered=False))}",
        checks=tuple(checks),
    )


def action_slot(action: Action, design: Design, checks: Sequence[CheckPlan]) -> Slot:
    return Slot(
        name=action.name,
        path="app/handlers.py",
        module="app.handlers",
        signature=action_signature(action, design),
        brief=action_brief(action),
        context=_store_context(action, design),
        allowed_imports=ALLOWED_IMPORTS,
        checks=tuple(checks),
    )


def example_row(resource: Resource, *, numbered: bool = True) -> dict[str, Any]:
    """A row as the store gives it, with values that keep the known rules."""
    values = {f.name: sample_value(f, resource.constraints) for f in resource.entity.fields}
    for constraint in resource.constraints:
        if constraint.kind in (Rule.AFTER, Rule.NOT_BEFORE):
            values[constraint.field] = later(values[constraint.other])
    return {"id": 1, **values} if numbered else values


def json_text(value: object) -> str:
    """A value as a Python literal on one line, cut to a length that a prompt can bear."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN_CHARS else text[: MAX_SHOWN_CHARS - 3] + "..."


def _store_context(action: Action, design: Design) -> str:
    """The import of the store first: a model that sees none writes a store of its own."""
    if not design.resources:
        return ""
    first = _closest(action, design.resources)
    name = first.many
    field = next((f.name for f in first.entity.fields), "id")
    conflict = action.may_conflict
    lines = [
        f"from app.store import {'ConflictError, ' if conflict else ''}Store",
        "",
        *(f"# a row of store.{r.many}: {json_text(example_row(r))}" for r in design.resources),
        f"# store.{name}.all() -> list of all rows, oldest first",
        f"# store.{name}.find({field}=value) -> list of the rows with this value",
        f"# store.{name}.get(id) -> the row; an unknown id is answered with 404 by itself",
        f"# store.{name}.create({field}=value, ...) -> the new row",
        f"# store.{name}.update(id, {field}=value) -> the row after the change",
        f"# store.{name}.delete(id)",
        *(["# raise ConflictError(message) is answered with 409"] if conflict else []),
    ]
    return "\n".join(lines)


def _closest(action: Action, resources: Sequence[Resource]) -> Resource:
    """The resource whose collection the route goes through, else the first."""
    return next((r for r in resources if (action.path + "/").startswith(r.path + "/")), resources[0])


def _shown(action: Action, step: HttpExample) -> str:
    request = f"{step.method} {step.path}" + (f" {json.dumps(step.body)}" if step.body is not None else "")
    return f"For {request} it returned {json_text(step.expected)}."
