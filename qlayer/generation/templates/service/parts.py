"""The parts that a service is made of, as data: resources with their operations, and the whole design."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from qlayer.generation.templates.service.actions import Action
from qlayer.generation.templates.service.constraints import Constraint
from qlayer.generation.templates.service.constraints import Kind as Rule
from qlayer.types.frozen import Frozen
from qlayer.types.spec import Entity, EntityField, HttpExample, Route


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
