"""What the service will be made of, worked out from the spec before anything is written.

A route on a plural collection that asks for nothing special is an `Operation` and costs no tokens; every
other route is an `Action` and becomes a slot. A rule is a `Constraint` when its sentence is unambiguous, else
it is left to a slot of its entity or, when it speaks of an action, to that action.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl

from pydantic import BaseModel

from qlayer.errors import InputError
from qlayer.generation.intake_requests import is_request
from qlayer.generation.templates.service.actions import Action, design_action
from qlayer.generation.templates.service.assignment import assign_rules
from qlayer.generation.templates.service.naming import plural, snake
from qlayer.generation.templates.service.parts import Asked, Design, Kind, Operation, Resource
from qlayer.generation.templates.service.routing import hit, shape
from qlayer.types.spec import Entity, HttpExample, Route, Spec

MAX_ENTITIES = 12
MAX_ROUTES = 60
HEALTH = "/health"


_ASKS_MORE = re.compile(
    r"\b(sort(?:ed)?|ordered|order by|in \w+ order|newest|latest|oldest|filter(?:ed)?|only|search|where"
    r"|whose|unless|if|when|also|marks?|sets?|decreas\w+|increas\w+|reduc\w+|count|total|sum|group(?:ed)?|page[sd]?|limit|revers\w+"
    r"|descending|exclud\w+|without|and (?!returns?\b|gives?\b|answers?\b))",
    re.I,
)
_KINDS: dict[tuple[str, bool], Kind] = {
    ("POST", False): Kind.CREATE,
    ("GET", False): Kind.LIST,
    ("GET", True): Kind.READ,
    ("PUT", True): Kind.REPLACE,
    ("PATCH", True): Kind.CHANGE,
    ("DELETE", True): Kind.DELETE,
}
_SELECTS = re.compile(r"\b(?:filter(?:ed|s)?|only|where|whose|when|if|page[sd]?|limit|without)\b", re.I)
"""Words of `_ASKS_MORE` that a list with a query is asked in."""
_SKIPS, _TAKES = ("offset", "skip", "page"), ("limit", "per_page", "page_size", "size", "top")
_STATUS = {Kind.CREATE: 201, Kind.DELETE: 204}


def design_service(spec: Spec) -> Design:
    """Raises `InputError` naming what is missing, too much, or cannot be named so."""
    if not spec.routes and not spec.entities:
        raise InputError(
            "a service needs at least one entity or route",
            field="routes",
            hint="add lines such as `- Book: title (str), pages (int)` and `- POST /books`",
        )
    _within(len(spec.entities), MAX_ENTITIES, "entities")
    _within(len(spec.routes), MAX_ROUTES, "routes")
    routes = [route for route in spec.routes if (route.method, route.path) != ("GET", HEALTH)]
    hits = [(hit(step, routes), step) for step in spec.scenario]
    asked = [Asked(route, tuple(step for at, step in hits if at == i)) for i, route in enumerate(routes)]
    resources = []
    for entity in spec.entities:
        _check_entity(entity)
        resources.append(_resource(entity, asked))
    plain = {(operation.method, shape(operation.path)) for r in resources for operation in r.operations}
    collections = {resource.path: resource.entity for resource in resources}
    actions: list[Action] = []
    for one in asked:
        if (one.route.method, shape(one.route.path)) not in plain:
            taken = {action.name for action in actions}
            actions.append(design_action(one.route, one.examples, collections, taken))
    resources, actions = assign_rules(spec.rules, resources, actions)
    return Design(
        title=" ".join(spec.title.split()) or "Service",
        description=_prose(spec.description),
        resources=tuple(resources),
        actions=tuple(actions),
        invalid_status=_invalid_status(spec.scenario),
    )


def _prose(description: str) -> str:
    """What is said before the first heading below the title."""
    kept: list[str] = []
    for line in description.strip().splitlines():
        if line.startswith("#") or is_request(line):
            if any(text.strip() for text in kept):
                break
            continue
        kept.append(line.rstrip())
    return "\n".join(kept).strip()


def _resource(entity: Entity, asked: Sequence[Asked]) -> Resource:
    one = snake(entity.name)
    many = plural(one)
    spellings = {many, many.replace("_", "-"), many.replace("_", ""), one, one.replace("_", "-")}
    prefixes = [_collection(one.route.path, spellings) for one in asked]
    path = next((prefix for prefix in prefixes if prefix), None)
    if path is None:
        return Resource(
            entity=entity, one=one, many=many, path=f"/{many}", operations=_all_operations(f"/{many}")
        )
    operations = (_listing(one, path, entity) or _operation(one, path) for one in asked)
    known = dict.fromkeys(operation for operation in operations if operation is not None)
    return Resource(entity=entity, one=one, many=many, path=path, operations=tuple(known))


def _collection(path: str, spellings: set[str]) -> str | None:
    """The part of a route's path up to the collection's name; None when the path is not about it."""
    parts = path.split("/")
    for index, part in enumerate(parts):
        if part.startswith("{"):
            return None
        if part.lower() in spellings:
            return "/".join(parts[: index + 1])
    return None


def _operation(asked: Asked, collection: str) -> Operation | None:
    """The operation that the route is; None when it is not one, or asks for more than the template makes."""
    route = asked.route
    if not route.path.startswith(collection):
        return None
    tail = route.path.removeprefix(collection)
    if not re.fullmatch(r"(?:/\{[^/{}]+\})?", tail):
        return None
    kind = _KINDS.get((route.method, bool(tail)))
    if kind is None or _ASKS_MORE.search(route.summary):
        return None
    if any("?" in step.path for step in asked.examples):
        return None
    status = next((step.status for step in asked.examples if step.status < 300), _STATUS.get(kind, 200))
    path = collection + ("/{id}" if tail else "")
    return Operation(kind=kind, method=route.method, path=path, status=status)


def _listing(asked: Asked, collection: str, entity: Entity) -> Operation | None:
    """A list whose query names fields to select by, and which part of the rows; None for anything else."""
    route = asked.route
    names = dict.fromkeys(
        name
        for step in asked.examples
        for name, _ in parse_qsl(step.path.partition("?")[2], keep_blank_values=True)
    )
    if (route.method, route.path) != ("GET", collection) or not names:
        return None
    filters = tuple(field for field in entity.fields if field.name in names)
    skips = next((name for name in _SKIPS if name in names), "")
    takes = next((name for name in _TAKES if name in names), "")
    known = {*(field.name for field in filters), skips, takes}
    if set(names) - known or (skips == "page" and not takes):
        return None
    if _ASKS_MORE.search(_SELECTS.sub("", route.summary)) or any(s.status >= 300 for s in asked.examples):
        return None
    return Operation(
        kind=Kind.LIST, method="GET", path=collection, status=200, filters=filters, skips=skips, takes=takes
    )


def _all_operations(path: str) -> tuple[Operation, ...]:
    """Create, list, read, replace, change and delete: what an entity gets when no route speaks of it."""
    made = (
        _operation(
            Asked(Route.model_validate({"method": method, "path": path + ("/{id}" if one else "")}), ()), path
        )
        for method, one in _KINDS
    )
    return tuple(operation for operation in made if operation is not None)


def _invalid_status(scenario: Sequence[HttpExample]) -> int:
    statuses = {step.status for step in scenario if step.method in ("POST", "PUT", "PATCH")}
    return 400 if 400 in statuses and 422 not in statuses else 422


def _check_entity(entity: Entity) -> None:
    for field in entity.fields:
        if hasattr(BaseModel, field.name) or field.name.startswith("_"):
            raise InputError(
                f"{entity.name} cannot have a field called {field.name!r}: the model classes use that name",
                field=f"entities.{entity.name}",
                hint=f"rename it, for example to {field.name}_value",
            )


def _within(count: int, limit: int, field: str) -> None:
    if count > limit:
        raise InputError(f"the spec has {count} {field}", field=field, limit=f"at most {limit}")
