"""What was asked for, in a form that can be checked.

A `Spec` comes out of intake (`qlayer.generation.intake`). Whatever in the request looked like an example but
could not be trusted as a test is kept in `ignored` with the reason, so that a user can see it.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from qlayer.types.frozen import Frozen, added
from qlayer.types.ids import Digest, digest_of
from qlayer.types.tool import Conversion, Tool

MAX_SPEC_BYTES = 64 * 1024


class Signature(Frozen):
    """A Python function's head, as asked for."""

    name: str
    source: str
    """``def name(a: int, b: int = 0) -> int`` without the colon; ``async def`` when asked for."""
    docstring: str = ""
    preamble: str = ""
    """Code of the request that the function stands below: imports, finished helpers, constants."""


class Example(Frozen):
    """One call and what it must return: a trusted test. Both sides are Python literals as text."""

    function: str
    args: str
    """A tuple display, for example ``(1, [2, 3])``."""
    kwargs: str = "{}"
    expected: str
    """A literal; for `raises` the exception's name."""
    raises: bool = False
    line: int | None = None
    """1-based line in the request."""


class EntityField(Frozen):
    """A field of an entity. `type` is one of str, int, float, bool, date, datetime."""

    name: str
    type: str = "str"
    required: bool = True
    default: str | None = None
    """A Python literal as text."""


class Entity(Frozen):
    """A thing the service keeps, for example Book with title: str and pages: int."""

    name: str
    fields: tuple[EntityField, ...]


class Route(Frozen):
    """An HTTP route, for example POST /books."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    summary: str = ""
    line: int | None = None


class HttpExample(Frozen):
    """One request and what must come back: a trusted test. Steps of a scenario share state."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    """With its query string."""
    body: Any = None
    status: int
    expected: Any = None
    """JSON that the response body must include (objects may hold more keys); None: not checked."""
    line: int | None = None


class Ignored(Frozen):
    """A line that looked like an example but is not used as a test."""

    line: int
    text: str
    reason: str


class Spec(Frozen):
    """A request, understood."""

    schema_version: Literal[1] = 1
    title: str
    description: str
    template: str | None = None
    """The template family that was asked for; None: the best fit is chosen."""
    signature: Signature | None = None
    examples: tuple[Example, ...] = ()
    entities: tuple[Entity, ...] = ()
    routes: tuple[Route, ...] = ()
    scenario: tuple[HttpExample, ...] = ()
    rules: tuple[str, ...] = ()
    """Sentences that the service must keep, for example "pages must be positive"."""
    tool: Tool | None = added(None)
    """The command-line tool that is asked for."""
    conversions: tuple[Conversion, ...] = added(())
    """Examples of data that is turned into other data."""
    helpers: tuple[Signature, ...] = added(())
    """Further functions and methods that are asked for beside `signature`."""
    ignored: tuple[Ignored, ...] = Field(default=())

    @property
    def digest(self) -> Digest:
        return digest_of(self)
