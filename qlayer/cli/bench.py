"""``qlayer bench``: measured here and now, never asserted."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Benchmarks.")
