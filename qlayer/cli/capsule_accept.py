"""``qlayer capsule accept``: a person takes responsibility for a capsule, after its checks passed again."""

from __future__ import annotations

import asyncio
import getpass
from typing import Annotated

import typer
from rich.text import Text

from qlayer.app.build import build_sandbox, open_storage
from qlayer.app.settings import Settings, load_settings
from qlayer.cli.options import Json
from qlayer.cli.render import checks_table, decision_text, out, print_json, short
from qlayer.pipeline.accepting import Accepting, AcceptRequest, AcceptResult
from qlayer.store.clock import utc_now


def accept(
    capsule: Annotated[
        str, typer.Argument(metavar="CAPSULE", help="A capsule's id, or at least 6 hex digits of it.")
    ],
    by: Annotated[str | None, typer.Option(help="Who accepts it. Default: the user's name.")] = None,
    note: Annotated[str, typer.Option(help="Why, or on what condition; it is recorded.")] = "",
    as_json: Json = False,
) -> None:
    """Accept a capsule: level V5. Its checks are run first, and it is refused when a trusted one fails.

    A new capsule is made that names who accepted it; the old one stays.
    """
    result = asyncio.run(_accept(load_settings(), capsule, by or getpass.getuser(), note))
    if as_json:
        print_json(result)
        return
    console = out()
    console.print(checks_table(result.checks))
    console.print(decision_text(result.before), Text("->"), decision_text(result.after))
    console.print(f"capsule {short(result.capsule)} is {short(result.parent)}, accepted")


async def _accept(settings: Settings, prefix: str, who: str, note: str) -> AcceptResult:
    async with open_storage(settings) as storage:
        found = await storage.records.find_capsule(prefix)
        async with build_sandbox(settings) as sandbox:
            accepting = Accepting(storage.capsules, sandbox, utc_now)
            return await accepting.accept(AcceptRequest(capsule=found.id, who=who, note=note))
