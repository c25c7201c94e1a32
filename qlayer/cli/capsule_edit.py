"""``qlayer capsule edit``: a person corrects a function; the correction is judged, packed and remembered."""

from __future__ import annotations

import asyncio
import getpass
import sys
from pathlib import Path
from typing import Annotated

import click
import typer
from rich.text import Text

from qlayer.app.build import build_sandbox, open_storage
from qlayer.app.settings import Settings, load_settings
from qlayer.cli.options import Json
from qlayer.cli.render import checks_table, decision_text, err, out, print_json, printable, short
from qlayer.errors import InputError
from qlayer.pipeline.editing import Editing, EditRequest, EditResult
from qlayer.pipeline.opened import open_slot
from qlayer.store.clock import utc_now

MAX_CODE_BYTES = 64 * 1024


def edit(
    capsule: Annotated[
        str, typer.Argument(metavar="CAPSULE", help="A capsule's id, or at least 6 hex digits of it.")
    ],
    slot: Annotated[
        str | None, typer.Option(help="The function; may be left out when there is only one.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="The whole new function, from a file or - (stdin); no editor."),
    ] = None,
    who: Annotated[str | None, typer.Option(help="Who corrects it. Default: the user's name.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also when checks that passed would fail; it is recorded.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Correct a function of a capsule. A new capsule is made; the correction teaches later runs.

    Without --file the function is opened in $EDITOR. Ends with status 1 when the new capsule is not allowed.
    """
    settings = load_settings()
    given = _read(file) if file is not None else None
    result = asyncio.run(_edit(settings, capsule, slot, given, who or getpass.getuser(), force))
    if result is None:
        err().print("nothing was changed")
        return
    if as_json:
        print_json(result)
    else:
        _print(result)
    raise typer.Exit(0 if result.after.allow else 1)


async def _edit(
    settings: Settings, prefix: str, slot: str | None, given: str | None, who: str, force: bool
) -> EditResult | None:
    async with open_storage(settings) as storage:
        found = await storage.records.find_capsule(prefix)
        if given is None:
            opened = await open_slot(storage.capsules, found.id, slot)
            given = await asyncio.to_thread(_in_editor, opened.code)
            if given is None:
                return None
        async with build_sandbox(settings) as sandbox:
            editing = Editing(storage.capsules, storage.memories, sandbox, utc_now)
            request = EditRequest(capsule=found.id, code=given, who=who, slot=slot, force=force)
            return await editing.edit(request)


def _in_editor(code: str) -> str | None:
    """What the person made of it; None when it was not saved."""
    if not sys.stdin.isatty():
        raise InputError("there is no terminal to open an editor in", field="--file", hint="give --file")
    return click.edit(code, extension=".py")


def _read(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read(MAX_CODE_BYTES + 1) if str(file) == "-" else file.read_bytes()
        if len(data) > MAX_CODE_BYTES:
            raise InputError(
                f"{file} is too long for one function", field="--file", limit=f"{MAX_CODE_BYTES} bytes"
            )
        return data.decode()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", field="--file") from None
    except UnicodeDecodeError:
        raise InputError(f"{file} is not UTF-8 text", field="--file") from None


def _print(result: EditResult) -> None:
    console = out()
    console.print(checks_table(result.checks))
    console.print(decision_text(result.before), Text("->"), decision_text(result.after))
    for name in result.lost:
        console.print(Text(f"passed before and fails now: {printable(name)}", style="red"))
    console.print(
        f"capsule {short(result.capsule)} corrects {short(result.parent)}; remembered as {result.correction}"
    )
