"""What a request says about a command-line tool or about tables that are turned into other ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from qlayer.types.frozen import Frozen

ArgumentType = Literal["str", "int", "float", "number", "flag", "file"]
"""``number`` is whole or with decimals, as written. ``flag`` takes no value. Of a ``file`` (``-``: standard
input) the tool gets the text."""


class Argument(Frozen):
    """One positional argument or option of a command."""

    name: str
    """A Python name: ``max_words`` for ``--max-words``."""
    flags: tuple[str, ...] = ()
    """``("-n", "--times")``; empty for a positional argument."""
    type: ArgumentType = "str"
    required: bool = True
    many: bool = False
    """Takes one or more values (none at all when it is not required)."""
    default: str | None = None
    """A Python literal as text."""
    choices: tuple[str, ...] = ()
    help: str = ""


class Command(Frozen):
    """What a tool can do. `name` is empty for a tool without subcommands."""

    name: str = ""
    summary: str = ""
    arguments: tuple[Argument, ...] = ()


class Invocation(Frozen):
    """One call of the tool and what it must print: a trusted test."""

    argv: tuple[str, ...]
    stdin: str = ""
    files: Mapping[str, str] = Field(default={})
    """Files that lie in the working directory before the call: path -> text."""
    output: str | None = None
    """What a terminal shows, without white space at the ends of lines; None: not checked."""
    written: Mapping[str, str] = Field(default={})
    """Files that it must have written: path -> text."""
    fails: bool = False
    """It must end with a status other than 0."""
    status: int | None = None
    """The exact status, where the request says it."""
    fresh: bool = True
    """It starts in an empty folder; else in that of the call before."""
    line: int | None = None
    """1-based line in the request."""


class Tool(Frozen):
    """A command-line tool as asked for."""

    name: str
    commands: tuple[Command, ...] = ()
    invocations: tuple[Invocation, ...] = ()
    state: str | None = None
    """The JSON file in which it keeps a list between calls; None: it keeps nothing."""
    fields: tuple[str, ...] = ()
    """Fields of a kept item, where the request names them."""


class TableFile(Frozen):
    """A file or value as it stands in an example."""

    name: str
    format: Literal["csv", "json", "text"]
    value: Any
    """JSON; for CSV a list of objects, one a row."""
    columns: tuple[str, ...] = ()
    """For CSV, in order."""


class Conversion(Frozen):
    """Data in, data out: a trusted test."""

    inputs: tuple[TableFile, ...]
    output: TableFile
    line: int | None = None
