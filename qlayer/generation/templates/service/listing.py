"""Lists that a query selects from: their parameters and the part of the rows that they give, as source."""

from __future__ import annotations

from qlayer.generation.templates.service.parts import Operation
from qlayer.types.spec import EntityField


def listing_arguments(operation: Operation) -> str:
    """The query parameters of a list, as FastAPI reads them."""
    kinds = {"int": "int", "float": "float", "bool": "bool", "date": "dt.date", "datetime": "dt.datetime"}
    wanted = [f"{field.name}: {kinds.get(field.type, 'str')} | None = None" for field in operation.filters]
    first = "1" if operation.skips == "page" else "0"
    skips = f"{operation.skips}: Annotated[int, Query(ge={first})] = {first}"
    takes = f"{operation.takes}: Annotated[int | None, Query(ge=0)] = None"
    parts = [*wanted, *([skips] if operation.skips else []), *([takes] if operation.takes else [])]
    return "".join(f", {part}" for part in parts)


def listed_part(operation: Operation) -> str:
    """The slice of the rows that a list gives."""
    start = operation.skips
    if start == "page":
        start = f"(page - 1) * ({operation.takes} or 0)"
    return (f"[{start}:]" if start else "") + (f"[:{operation.takes}]" if operation.takes else "")


def stored(field: EntityField) -> str:
    """A query's value as the row holds it."""
    if field.type in ("date", "datetime"):
        return f"{field.name}.isoformat() if {field.name} else None"
    return field.name
