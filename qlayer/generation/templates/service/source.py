"""The values that the family's files are rendered with: names, annotations and imports, ready to print."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence

from qlayer.generation.templates.service.actions import Action
from qlayer.generation.templates.service.constraints import Constraint
from qlayer.generation.templates.service.constraints import Kind as Rule
from qlayer.generation.templates.service.listing import listed_part, listing_arguments, stored
from qlayer.generation.templates.service.naming import phrase, with_article
from qlayer.generation.templates.service.parts import Design, Kind, Operation, Resource
from qlayer.generation.templates.service.routing import declaration_order
from qlayer.generation.templates.service.slots import (
    action_brief,
    action_signature,
    rule_brief,
    rule_signature,
)
from qlayer.types.frozen import Frozen
from qlayer.types.spec import EntityField

_PYTHON = {
    "str": "str",
    "int": "Int",
    "float": "Float",
    "bool": "bool",
    "date": "dt.date",
    "datetime": "dt.datetime",
}
_SQL = {"int": "INTEGER", "float": "REAL", "bool": "BOOLEAN"}
MAX_LINE = 110


class Endpoint(Frozen):
    """One route function of ``app/main.py``: an operation of a resource, or an action."""

    name: str
    path: str
    method: str
    status: int
    resource: Resource | None = None
    operation: Operation | None = None
    action: Action | None = None

    @property
    def decorator(self) -> str:
        status = f", status_code={self.status}" if self.status != 200 else ""
        return f'@app.{self.method.lower()}("{self.path}"{status})'


def source_values(design: Design, suites: Sequence[str]) -> dict[str, object]:
    """Everything that the files ask for. Equal designs give equal values."""
    fields = [field for resource in design.resources for field in resource.entity.fields]
    types = {field.type for field in fields}
    return {
        "design": design,
        "title_line": one_line(design.title),
        "title_literal": json.dumps(one_line(design.title), ensure_ascii=False),
        "slug": slug(design.title),
        "resources": design.resources,
        "actions": design.actions,
        "endpoints": endpoints(design),
        "suites": suites,
        "model_header": _model_header(types),
        "types": types,
        "checked": [resource for resource in design.resources if resource.checked],
        "main_imports": main_imports(design),
        "handler_store_imports": _handler_store_imports(design),
        "has_rules": any(resource.constraints or resource.open_rules for resource in design.resources),
        "errors": _errors(design),
        "python_type": python_type,
        "sql_type": sql_type,
        "default_of": default_of,
        "violations": violations,
        "docstring": docstring,
        "call": call,
        "arguments": lambda action: arguments(action, design),
        "created_by": lambda action: next(r for r in design.resources if r.entity.name == action.creates),
        "operation_text": operation_text,
        "listing_arguments": listing_arguments,
        "listed_part": listed_part,
        "stored": stored,
        "rule_signature": rule_signature,
        "rule_brief": rule_brief,
        "action_signature": lambda action: action_signature(action, design),
        "action_brief": action_brief,
        "summary_of": lambda action: sentence(action.summary or f"{action.method} {action.path}"),
        "phrase": phrase,
        "article": with_article,
    }


def endpoints(design: Design) -> tuple[Endpoint, ...]:
    """All routes, so declared that a fixed path wins over a parameter; collections stay together."""
    found = [_of_action(action) for action in design.actions]
    taken = {endpoint.name for endpoint in found}
    for resource in design.resources:
        found += [_of_operation(resource, operation, taken) for operation in resource.operations]
    methods = ("POST", "GET", "PUT", "PATCH", "DELETE")
    order = [resource.path.split("/")[1] for resource in design.resources]
    order += [endpoint.path.split("/")[1] for endpoint in found]

    def place(endpoint: Endpoint) -> tuple[int, tuple[bool, ...], int]:
        home = order.index(endpoint.path.split("/")[1])
        return home, declaration_order(endpoint), methods.index(endpoint.method)

    return tuple(sorted(found, key=place))


def python_type(field: EntityField) -> str:
    optional = not field.required and field.default in (None, "None")
    return _PYTHON[field.type] + (" | None" if optional else "")


def default_of(field: EntityField) -> str:
    """The ``= value`` of a model's field; empty when it must be given."""
    if field.required:
        return ""
    value = ast.literal_eval(field.default or "None")
    return f" = {json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)}"


def sql_type(resource: Resource, field: EntityField) -> str:
    unique = any(c.kind is Rule.UNIQUE and c.field == field.name for c in resource.constraints)
    return _SQL.get(field.type, "TEXT") + (" UNIQUE" if unique else "")


def violations(resource: Resource) -> list[tuple[str, str]]:
    """Pairs of (condition that breaks a rule, message), as Python source."""

    def condition(constraint: Constraint) -> str:
        value = f'{resource.one}["{constraint.field}"]'
        broken = constraint.violation(value)
        return f"{value} is not None and {broken}" if constraint.optional else broken

    made = [c for c in resource.constraints if c.kind is not Rule.UNIQUE]
    return [(condition(c), json.dumps(c.sentence, ensure_ascii=False)) for c in made]


def arguments(action: Action, design: Design) -> str:
    """The parameters of an action's route function, as FastAPI reads them."""
    shown = []
    for parameter in sorted(action.parameters, key=lambda p: not p.required):
        kind = parameter.annotation
        if parameter.source == "body" and action.creates:
            kind = f"{action.creates}In"
        if parameter.alias:
            kind = f'Annotated[{kind}, Query(alias="{parameter.alias}")]'
        shown.append(
            (parameter.required, f"{parameter.name}: {kind}{'' if parameter.required else ' = None'}")
        )
    required = [text for needed, text in shown if needed]
    optional = [text for needed, text in shown if not needed]
    return ", ".join([*required, *(["store: Rows"] if design.resources else []), *optional])


def call(action: Action, design: Design) -> str:
    """The call of the handler with what the route function got."""
    given = []
    for parameter in sorted(action.parameters, key=lambda p: not p.required):
        made = parameter.source == "body" and action.creates
        given.append("row" if made else parameter.name)
    store = ["store"] if design.resources else []
    return f"handlers.{action.name}({', '.join(store + given)})"


def docstring(text: str, indent: int = 4) -> str:
    """The text as a docstring's inside: wrapped, indented, with nothing that could end it early."""
    pad = " " * indent
    lines = text.replace("\\", "\\\\").replace('"""', "'''").splitlines()
    kept = [line.rstrip() for line in lines]
    body = "\n".join(pad + line if line and place else line for place, line in enumerate(kept))
    if len(kept) > 1:
        return f'"""{body}\n{pad}"""'
    return f'"""{body} """' if body.endswith('"') else f'"""{body}"""'


def one_line(text: str) -> str:
    return " ".join(text.replace("\\", "/").replace('"', "'").split()).rstrip(".")


def sentence(text: str) -> str:
    line = one_line(text)
    return line[:1].upper() + line[1:]


def slug(text: str) -> str:
    words = "".join(ch.lower() if ch.isascii() and ch.isalnum() else " " for ch in text).split()
    return "-".join(words)[:40].strip("-") or "service"


def _of_action(action: Action) -> Endpoint:
    status = action.status if action.status < 300 else 200
    return Endpoint(name=action.name, path=action.path, method=action.method, status=status, action=action)


def _of_operation(resource: Resource, operation: Operation, taken: set[str]) -> Endpoint:
    name = f"{operation.kind}_{resource.many if operation.kind is Kind.LIST else resource.one}"
    return Endpoint(
        name=f"{name}_row" if name in taken else name,
        path=operation.path,
        method=operation.method,
        status=operation.status,
        resource=resource,
        operation=operation,
    )


def main_imports(design: Design) -> str:
    """The import block of ``app/main.py``: exactly the names in use, in the order that isort gives."""
    kept = bool(design.resources)
    aliased = any(p.alias for action in design.actions for p in action.parameters)
    typing = [*(["Annotated"] if kept or aliased else []), *(["Any"] if design.actions else [])]
    lists = [operation for resource in design.resources for operation in resource.operations]
    paged = any(operation.skips or operation.takes for operation in lists)
    dated = any(f.type in ("date", "datetime") for operation in lists for f in operation.filters)
    fastapi = [
        *(["Depends"] if kept else []),
        "FastAPI",
        *(["Query"] if aliased or paged else []),
        "Request",
    ]
    app = [
        *(["handlers"] if design.actions else []),
        *(["rules"] if any(r.checked for r in design.resources) else []),
    ]
    models = _model_imports(design)
    standard = [
        *(["import datetime as dt"] if dated else []),
        *(["import os"] if kept else []),
        *([f"from typing import {', '.join(typing)}"] if typing else []),
    ]
    installed = [
        f"from fastapi import {', '.join(fastapi)}",
        *(["from fastapi.exceptions import RequestValidationError"] if design.invalid_status == 400 else []),
        "from fastapi.responses import JSONResponse",
    ]
    own = [
        *([f"from app import {', '.join(app)}"] if app else []),
        *([_import_line("app.models", models)] if models else []),
        *(["from app.store import ConflictError, NotFoundError, Store"] if kept else []),
    ]
    return "\n\n".join("\n".join(block) for block in (standard, installed, own) if block)


def _model_header(types: set[str]) -> str:
    """The imports of ``app/models.py``, which depend on the fields' types."""
    annotated = bool(types & {"int", "float"})
    standard = [
        *(["import datetime as dt"] if types & {"date", "datetime"} else []),
        *(["from typing import Annotated"] if annotated else []),
    ]
    pydantic = "from pydantic import BaseModel" + (", Field" if annotated else "")
    return "\n\n".join(["\n".join(standard), pydantic] if standard else [pydantic])


def _import_line(module: str, names: Sequence[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    return line if len(line) <= MAX_LINE else f"from {module} import (\n    " + ",\n    ".join(names) + ",\n)"


def _model_imports(design: Design) -> list[str]:
    names = {f"{action.creates}In" for action in design.actions if action.creates}
    for resource in design.resources:
        kinds = {operation.kind for operation in resource.operations}
        name = resource.entity.name
        names |= {f"{name}In"} if kinds & {Kind.CREATE, Kind.REPLACE, Kind.CHANGE} else set()
        names |= {f"{name}Out"} if kinds - {Kind.DELETE} else set()
        names |= {f"{name}Patch"} if Kind.CHANGE in kinds else set()
    return sorted(names)


def operation_text(endpoint: Endpoint) -> str:
    """What a route of the template does, for the README."""
    assert endpoint.resource is not None and endpoint.operation is not None
    noun = phrase(endpoint.resource.one)
    one = with_article(noun)
    return {
        Kind.CREATE: f"creates {one}",
        Kind.LIST: f"lists all {phrase(endpoint.resource.many)}, oldest first",
        Kind.READ: f"gives {one}",
        Kind.REPLACE: f"replaces {one}",
        Kind.CHANGE: f"changes some fields of {one}",
        Kind.DELETE: f"removes {one}",
    }[endpoint.operation.kind]


def _handler_store_imports(design: Design) -> str:
    """The conflict is re-exported by name, so that it may stay unused until a model needs it."""
    if not design.resources:
        return ""
    conflict = any(action.may_conflict for action in design.actions)
    again = "from app.store import ConflictError as ConflictError\n" if conflict else ""
    return f"{again}from app.store import Store"


def _errors(design: Design) -> list[tuple[str, int]]:
    stored: list[tuple[str, int]] = [("NotFoundError", 404), ("ConflictError", 409)]
    own: list[tuple[str, int]] = [("ValueError", design.invalid_status)]
    unfilled: list[tuple[str, int]] = [("NotImplementedError", 501)] if design.actions else []
    return (stored if design.resources else []) + own + unfilled
