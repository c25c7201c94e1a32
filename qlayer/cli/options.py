"""Options that several commands share, spelled once."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="Rows at most.")]
Local = Annotated[
    bool, typer.Option("--local", help="Work in this process, even when a stack is up on this machine.")
]
Api = Annotated[
    str | None, typer.Option("--api", metavar="URL", help="Use the qlayer server at this address.")
]
