"""``qlayer up``, ``down`` and ``status``: the local stack of Ray with the API and the model on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from qlayer.app.settings import load_settings
from qlayer.app.stack import StackOptions, StackState, StackStatus, stack_status, start_stack, stop_stack
from qlayer.cli.options import Json
from qlayer.cli.render import err, out, print_json, table
from qlayer.errors import InputError


def up(
    port: Annotated[
        int | None, typer.Option(help="HTTP port of the API. Default: 8420 if free, else a free one.")
    ] = None,
    dashboard_port: Annotated[
        int | None, typer.Option(help="Port of Ray's dashboard. Default: a free one.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model to serve; see `qlayer models ls`.")] = None,
    engine: Annotated[str, typer.Option(help="What runs the model: llamacpp or vllm.")] = "llamacpp",
    replicas: Annotated[int, typer.Option(help="Replicas of the API.")] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until everything answers.")] = 300.0,
    as_json: Json = False,
) -> None:
    """Start Ray, the API and the model on this machine, and wait until they answer."""
    settings = load_settings(model=model)
    try:
        options = StackOptions.model_validate(
            {
                "http_port": port,
                "dashboard_port": dashboard_port,
                "engine": {"engine": engine},
                "api_replicas": replicas,
                "timeout_s": timeout,
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][-1])
        raise InputError(f"{field}: {first['msg']}", field=field) from None
    state = start_stack(settings, options, on_progress=_noted(err()))
    if as_json:
        print_json(state)
    else:
        _print_addresses(state)


def down(as_json: Json = False) -> None:
    """Stop what `up` started, and nothing else."""
    stopped = stop_stack(load_settings(), on_progress=_noted(err()))
    if as_json:
        print_json(StackStatus(health="down", stack=stopped))
    else:
        out().print(f"stopped the stack at {stopped.url}" if stopped else "no stack was up")


def status(as_json: Json = False) -> None:
    """Show how the stack is, part by part. Ends with status 1 when it is not wholly up."""
    found = stack_status(load_settings())
    if as_json:
        print_json(found)
    else:
        print_status(found)
    raise typer.Exit(0 if found.health == "up" else 1)


def print_status(found: StackStatus) -> None:
    console = out()
    console.print(f"stack: {found.health}")
    if found.stack is not None and found.health != "down":
        _print_addresses(found.stack)
    if found.parts:
        rows = (
            (part.name, Text("ok", style="green") if part.ok else Text("NOT OK", style="red"), part.detail)
            for part in found.parts
        )
        console.print(table("part", "", "detail", rows=rows))


def _print_addresses(state: StackState) -> None:
    out().print(
        table(
            *("what", "where"),
            rows=[
                ("API", state.url),
                ("documentation", f"{state.url}/docs"),
                ("model", f"{state.llm_url} ({state.model})"),
                ("Ray dashboard", state.dashboard_url),
                ("its token", str(state.token_path)),
            ],
        )
    )


def _noted(console: Console) -> Callable[[str], None]:
    return lambda text: console.print(text, soft_wrap=True)
