"""Routes beyond plain rows: which function answers one, with which parameters, giving what.

Everything that a small model could get wrong about the shape is fixed here from the route and the spec's
examples: the function's name, typed parameters, the status of success, a dict or a list as the result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import parse_qsl

from qlayer.generation.templates.service.naming import identifier, snake, unique_name
from qlayer.types.frozen import Frozen
from qlayer.types.spec import Entity, HttpExample, Route

_RESERVED = frozenset({"store", "body", "handlers", "rules", "app", "os"})
_LISTS = re.compile(r"^(?:returns? )?(?:an? |the |all )?list\b|\blists? (?:of|all|every|the)\b|^all\b", re.I)
_COUNTS = re.compile(
    r"^(?:n|k|id|limit|offset|skip|page|per_page|page_size|size|top|count|year|month|day|index|number)$|_id$"
)
_TAKES_BODY = re.compile(r'\{\s*"|\b(?:body|takes|given|with (?:a|an|the)|json|from)\b', re.I)


class Parameter(Frozen):
    """One argument of the function, taken from the path, the query or the body."""

    name: str
    type: str
    source: Literal["path", "query", "body"]
    required: bool = True
    alias: str | None = None
    """Its name in the query, where that is no Python name."""

    @property
    def annotation(self) -> str:
        return self.type if self.required else f"{self.type} | None"


class Action(Frozen):
    """A route that is answered by one function in ``app/handlers.py``."""

    name: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    summary: str
    status: int
    parameters: tuple[Parameter, ...]
    returns: str
    """``dict[str, Any]``, ``list[dict[str, Any]]``, ``list[Any]`` or ``Any``."""
    creates: str | None = None
    """Entity whose checked fields are the body, for a POST on a collection that asks for more than a row."""
    rules: tuple[str, ...] = ()
    examples: tuple[HttpExample, ...] = ()
    """The spec's examples of this route, in order."""

    @property
    def verb(self) -> str:
        """The last fixed part of the path, for example ``finish``."""
        fixed = [part for part in self.path.split("/") if part and not part.startswith("{")]
        return snake(fixed[-1]) if fixed else self.name

    @property
    def may_conflict(self) -> bool:
        """Whether the spec speaks of status 409 here."""
        said = " ".join((self.summary, *self.rules))
        return "409" in said or any(step.status == 409 for step in self.examples)


def design_action(
    route: Route, own: Sequence[HttpExample], entities: Mapping[str, Entity], taken: set[str]
) -> Action:
    """`own` are the examples of this route, `entities` are keyed by the path of their collection, `taken` are
    the names of other actions.
    """
    path = _clean_path(route.path)
    created = entities.get(path) if route.method == "POST" else None
    success = next((step for step in own if step.status < 300), None)
    return Action(
        name=unique_name(f"create_{snake(created.name)}" if created else _name(route.method, path), taken),
        method=route.method,
        path=path,
        summary=route.summary,
        status=success.status if success else 201 if created else 200,
        parameters=(
            *_path_parameters(path, entities),
            *_query_parameters(own, entities),
            *_body_parameter(route, own, created),
        ),
        returns=_returns(route, success),
        creates=created.name if created else None,
        examples=tuple(own),
    )


def _clean_path(path: str) -> str:
    return re.sub(r"\{([^/{}]*)\}", lambda m: "{" + identifier(m[1].partition(":")[0], _RESERVED) + "}", path)


def _name(method: str, path: str) -> str:
    """``POST /books/{id}/finish`` -> ``finish_book``; ``GET /books/{id}/loans`` -> ``get_book_loans``."""
    parts = [part for part in path.split("/") if part]
    words = [
        _singular(_word(part)) if parts[place + 1 : place + 2] and parts[place + 1][0] == "{" else _word(part)
        for place, part in enumerate(parts)
        if part[0] != "{"
    ] or ["root"]
    does_something = method == "POST" and len(words) > 1 and parts[-1][0] != "{"
    named = [words[-1], *words[-2:-1]] if does_something else [method.lower(), *words]
    return identifier("_".join(named))


def _word(part: str) -> str:
    return re.sub(r"\W+", "_", part).strip("_").lower() or "path"


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    if re.search(r"(?:s|x|z|ch|sh)es$", word):
        return word[:-2]
    return word.removesuffix("s")


def _path_parameters(path: str, entities: Mapping[str, Entity]) -> tuple[Parameter, ...]:
    names = re.findall(r"\{([^/{}]+)\}", path)
    return tuple(Parameter(name=name, type=_type_named(name, entities), source="path") for name in names)


def _type_named(name: str, entities: Mapping[str, Entity]) -> str:
    """Ids are integers; a name that is some entity's field has its type."""
    if name == "id" or name.endswith("_id"):
        return "int"
    kinds = [field.type for entity in entities.values() for field in entity.fields if field.name == name]
    return kinds[0] if kinds and kinds[0] in ("int", "float", "bool") else "str"


def _query_type(name: str, values: Sequence[str], entities: Mapping[str, Entity]) -> str:
    """A field's own type; whole numbers only where the name counts something."""
    known = _type_named(name, entities)
    if known != "str" or not all(re.fullmatch(r"-?\d+(?:\.\d+)?", value) for value in values):
        return known
    fields = {field.name for entity in entities.values() for field in entity.fields}
    if name in fields:
        return "str"
    whole = all(re.fullmatch(r"-?\d+", value) for value in values)
    return "int" if whole and _COUNTS.search(name) else "int | float"


def _query_parameters(own: Sequence[HttpExample], entities: Mapping[str, Entity]) -> tuple[Parameter, ...]:
    queries = [dict(parse_qsl(step.path.partition("?")[2], keep_blank_values=True)) for step in own]
    names = dict.fromkeys(name for query in queries for name in query)
    return tuple(
        Parameter(
            name=identifier(name, _RESERVED),
            type=_query_type(name, [q[name] for q in queries if name in q], entities),
            source="query",
            required=all(
                name in query for query, step in zip(queries, own, strict=True) if step.status < 300
            ),
            alias=name if identifier(name, _RESERVED) != name else None,
        )
        for name in names
    )


def _body_parameter(
    route: Route, own: Sequence[HttpExample], created: Entity | None
) -> tuple[Parameter, ...]:
    if created is not None:
        return (Parameter(name=snake(created.name), type="dict[str, Any]", source="body"),)
    if route.method in ("GET", "DELETE"):
        return ()
    shown = [step.body for step in own if step.body is not None]
    if not shown and not (not own and _TAKES_BODY.search(route.summary)):
        return ()
    kind = "dict[str, Any]" if all(isinstance(body, dict) for body in shown) else "Any"
    always = len(shown) == len([step for step in own if step.status < 300 or step.body is not None])
    return (Parameter(name="body", type=kind, source="body", required=always or not own),)


def _returns(route: Route, success: HttpExample | None) -> str:
    shown: Any = success.expected if success else None
    if isinstance(shown, dict):
        return "dict[str, Any]"
    if isinstance(shown, list):
        return "list[dict[str, Any]]" if all(isinstance(item, dict) for item in shown) else "list[Any]"
    if shown is not None:
        return "Any"
    return "list[dict[str, Any]]" if _LISTS.search(route.summary) else "dict[str, Any]"
