"""How every job's command ends when something is wrong: one sentence, a hint, the exit status of its kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from qlayer.errors import QlayerError, RunCancelled


@contextmanager
def explained(stopped: str = "stopped; the same command goes on where it was") -> Iterator[None]:
    """Turn our errors and Ctrl-C (`stopped`) within the block into words on stderr and an exit status."""
    try:
        yield
    except QlayerError as error:
        typer.echo(f"error: {error.message}" + (f"\nhint: {error.hint}" if error.hint else ""), err=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        typer.echo(stopped, err=True)
        raise typer.Exit(RunCancelled.exit_code) from None
