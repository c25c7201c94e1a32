"""What the service will be made of, worked out from the spec before anything is written.

A route on a plural collection that asks for nothing special is an `Operation` and costs no tokens; every
other route is an `Action` and becomes a slot. A rule is a `Constraint` when its sentence is unambiguous, else
it is left to a slot of its entity or, when it speaks of an action, to that action.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from urllib.parse import parse_qsl

from pydantic import BaseModel

from qlayer.errors import InputError
from qlayer.generation.intake_requests import is_request
from qlayer.generation.templates.service.actions import Action, design_action
from qlayer.generation.templates.service.constraints import Constraint, read_constraint
from qlayer.generation.templates.service.constraints import Kind as Rule
from qlayer.generation.templates.service.naming import phrase, plural, snake
from qlayer.generation.templates.service.routing import hit, shape
from qlayer.types.frozen import Frozen
from qlayer.types.spec import Entity, EntityField, HttpExample, Route, Spec

MAX_ENTITIES = 12
MAX_ROUTES = 60
HEALTH = "/health"


@dataclass(frozen=True)
class Asked:
    """A route of the spec with the examples that hit it, in order."""

    route: Route
    examples: tuple[HttpExample, ...]


class Kind(StrEnum):
    CREATE = "create"
    LIST = "list"
    READ = "read"
    REPLACE = "replace"
    CHANGE = "change"
    DELETE = "delete"


class Operation(Frozen):
    """A route that the template makes by itself."""

    kind: Kind
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    status: int
    filters: tuple[EntityField, ...] = ()
    """Fields that a query may name: only rows with these values are listed."""
    skips: str = ""
    """Query parameter with the number of rows, or of pages, to leave out; empty: none."""
    takes: str = ""
    """Query parameter with the most rows to list; empty: all are."""


class Resource(Frozen):
    """An entity with the collection that keeps it."""

    entity: Entity
    one: str
    """Singular in snake case, for example ``book``."""
    many: str
    """Name of the collection, for example ``books``."""
    path: str
    """Of the collection, for example ``/books``."""
    operations: tuple[Operation, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    open_rules: tuple[str, ...] = ()
    """Rules that a model has to write."""

    @property
    def check(self) -> str:
        return f"check_{self.one}"

    @property
    def rule_slot(self) -> str:
        return f"check_{self.one}_rules"

    @property
    def checked(self) -> bool:
        return bool(self.open_rules) or any(c.kind is not Rule.UNIQUE for c in self.constraints)

    def operation(self, kind: Kind) -> Operation | None:
        return next((operation for operation in self.operations if operation.kind is kind), None)


class Design(Frozen):
    """The whole service."""

    title: str
    description: str
    resources: tuple[Resource, ...]
    actions: tuple[Action, ...]
    invalid_status: int
    """What a broken rule answers: 422, or 400 when the spec's examples say so."""


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
    resources, actions = _assign_rules(spec.rules, resources, actions)
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


def _assign_rules(
    rules: Sequence[str], resources: list[Resource], actions: list[Action]
) -> tuple[list[Resource], list[Action]]:
    for rule in rules:
        found = [(index, read_constraint(rule, r.entity)) for index, r in enumerate(resources)]
        if any(constraint for _, constraint in found):
            for index, constraint in found:
                if constraint is not None and constraint not in resources[index].constraints:
                    resources[index] = _more(resources[index], constraints=(constraint,))
        elif spoken_of := _actions_of(rule, actions, resources):
            for index in spoken_of:
                action = actions[index]
                actions[index] = action.model_copy(update={"rules": (*action.rules, rule)})
        elif resources:
            index = _resource_of(rule, resources)
            resources[index] = _more(resources[index], open_rules=(rule,))
        elif actions:
            actions[0] = actions[0].model_copy(update={"rules": (*actions[0].rules, rule)})
    return resources, actions


def _more(
    resource: Resource, constraints: tuple[Constraint, ...] = (), open_rules: tuple[str, ...] = ()
) -> Resource:
    return resource.model_copy(
        update={
            "constraints": (*resource.constraints, *constraints),
            "open_rules": (*resource.open_rules, *open_rules),
        }
    )


def _actions_of(rule: str, actions: Sequence[Action], resources: Sequence[Resource]) -> tuple[int, ...]:
    """The changing actions that the rule speaks of: by their verb, else by a value that they are sent.

    In "a shipped order cannot be cancelled" both verbs occur; it is about the one that must not be done.
    """
    said = rule.lower()
    forbidden = re.search(r"(?:\bcan(?:not|'t| not| only)?|\bmust not|\bmay (?:not|only)) be (\w+)", said)
    for words in ([forbidden[1]] if forbidden else [], re.findall(r"[a-z]{3,}", said)):
        for index, action in enumerate(actions):
            verb = action.verb[:5]
            if action.method != "GET" and len(verb) >= 3 and any(word.startswith(verb) for word in words):
                return (index,)
    fields = {field.name for resource in resources for field in resource.entity.fields}
    subject = re.match(r"(?:(?:an?|the|each|every)\s+)?(\w+)", said)
    return tuple(
        index
        for index, action in enumerate(actions)
        if subject and subject[1] not in fields and not action.creates and subject[1] in _sent(action)
    )


def _sent(action: Action) -> set[str]:
    """Names of the values in the bodies that the examples send."""
    return {name for step in action.examples if isinstance(step.body, dict) for name in step.body}


def _resource_of(rule: str, resources: Sequence[Resource]) -> int:
    """The resource that the rule speaks of most: its name counts double, each of its fields once."""
    words = set(re.findall(r"[a-z]+", rule.lower()))

    def score(resource: Resource) -> int:
        fields = sum(set(phrase(f.name).split()) <= words for f in resource.entity.fields)
        return fields + 2 * bool({resource.one, resource.many} & words)

    return max(range(len(resources)), key=lambda index: (score(resources[index]), -index))


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
