"""Which route template a concrete request hits, by the order in which the service declares its routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from qlayer.types.spec import HttpExample


class Routed(Protocol):
    """Anything with a method and a path template: a `Route`, an operation, an action."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...


def shape(path: str) -> str:
    """The path with its parameters' names left out: two routes of one shape are the same route."""
    return re.sub(r"\{[^/]*\}", "{}", path)


def declaration_order(routed: Routed) -> tuple[bool, ...]:
    """Sort key under which fixed parts come before parameters: ``/books/stats`` before ``/books/{id}``."""
    return tuple(part.startswith("{") for part in routed.path.split("/"))


def hit(step: HttpExample, routes: Sequence[Routed]) -> int | None:
    """Index of the route that answers this request, or None."""
    fitting = [
        index
        for index, route in enumerate(routes)
        if route.method == step.method and _matches(step.path, route.path)
    ]
    return min(fitting, key=lambda index: (declaration_order(routes[index]), index), default=None)


def _matches(path: str, template: str) -> bool:
    given = (path.partition("?")[0].rstrip("/") or "/").split("/")
    parts = template.split("/")
    return len(given) == len(parts) and all(
        part.startswith("{") or part == value for value, part in zip(given, parts, strict=True)
    )
