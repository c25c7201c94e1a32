"""``qlayer generate``: a request in plain words becomes a capsule, in view."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from pathlib import Path
from typing import Annotated, Literal

import typer

from qlayer.app.settings import Settings, load_settings
from qlayer.cli.carrying import carry_out, open_runs, server_url
from qlayer.cli.live import LiveView, View, view_for
from qlayer.cli.options import Api, Json, Local
from qlayer.cli.outcome import exit_code, result_panel
from qlayer.cli.progress import RunResult
from qlayer.cli.render import err, out, print_json
from qlayer.cli.request import build_request, read_request_text
from qlayer.errors import InputError
from qlayer.types.run import RunRequest


def generate(
    text: Annotated[
        str | None,
        typer.Argument(help="What to make, in plain words or Markdown; a file's path; or - for stdin."),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the request from a file.")] = None,
    model: Annotated[str | None, typer.Option(help="Model id; see `qlayer models ls`.")] = None,
    template: Annotated[
        str | None, typer.Option(help="Template family; see `qlayer templates ls`. Default: best fit.")
    ] = None,
    layout: Annotated[
        Literal["auto", "template", "free"],
        typer.Option(
            help="free: the model proposes the files itself. auto: it may from 7B up, without a fit."
        ),
    ] = "auto",
    release_to: Annotated[
        str | None,
        typer.Option(
            metavar="ENV", help="Also sign the capsule and ask the release policy for this environment."
        ),
    ] = None,
    budget_tokens: Annotated[
        int | None, typer.Option(help="Tokens that the model may generate.", metavar="N")
    ] = None,
    budget_seconds: Annotated[
        float | None, typer.Option(help="Seconds that the run may take.", metavar="S")
    ] = None,
    destination: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write the project to this new folder.")
    ] = None,
    as_json: Json = False,
    local: Local = False,
    api: Api = None,
) -> None:
    """Make a tested project from a request in plain words.

    Ends with status 0 when everything that is trusted passed, 1 when something is unproved or failed or the
    release is denied.
    """
    if local and api is not None:
        raise InputError("--local and --api exclude each other", field="--local")
    settings = load_settings(model=model)
    request = build_request(
        read_request_text(text, file),
        template=template,
        layout=layout,
        release_to=release_to,
        model=model,
        default_budget=settings.budget,
        budget_tokens=budget_tokens,
        budget_seconds=budget_seconds,
    )
    if destination is not None:
        _check_new(destination)
    url = server_url(settings, api=api, local=local)
    view = view_for(err(), quiet=as_json)
    if isinstance(view, LiveView) and sys.stdin.isatty():
        request = request.model_copy(update={"interactive": True})
    result = asyncio.run(_generate(settings, request, url, destination, view))
    if as_json:
        print_json(result)
    else:
        out().print(result_panel(result))
    raise typer.Exit(exit_code(result))


async def _generate(
    settings: Settings, request: RunRequest, url: str | None, destination: Path | None, view: View
) -> RunResult:
    with view:
        async with open_runs(settings, url, view) as runs:
            run_id = await runs.submit(request, f"cli-{uuid.uuid4().hex}")
            result = await carry_out(runs, run_id, view)
            if destination is None or result.capsule is None:
                return result
            path = await runs.export(result.capsule, destination)
            return result.model_copy(update={"exported_to": str(path)})


def _check_new(destination: Path) -> None:
    """Find out before the work, not after it, that its result cannot be written."""
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise InputError(f"--out {destination} is not a new or empty folder", field="--out")
    nearest = next(path for path in (destination, *destination.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"--out {destination} cannot be made: {nearest} is not writable", field="--out")
