"""Options that several commands share, spelled once."""

from __future__ import annotations

from pathlib import Path
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
TransitUrl = Annotated[
    str | None, typer.Option("--transit-url", metavar="URL", help="OpenBao: the server's address.")
]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="FILE", help="OpenBao: holds the token; mode 0600."),
]
TransitMount = Annotated[
    str, typer.Option("--transit-mount", metavar="PATH", help="OpenBao: where its transit engine is mounted.")
]
