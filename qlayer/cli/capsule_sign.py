"""``qlayer capsule sign``, and whose signatures count when a capsule is verified."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from qlayer.app.build import open_storage
from qlayer.app.settings import Settings, load_settings
from qlayer.cli.keys import DEFAULT_NAME, read_public_key
from qlayer.cli.options import Json
from qlayer.cli.render import out, print_json, short
from qlayer.signing.key_file import KeyFolder
from qlayer.types.release import Attestation
from qlayer.types.signature import Trust

TrustFile = Annotated[
    list[Path] | None,
    typer.Option(
        "--key",
        metavar="FILE",
        help="Only this public key counts (`qlayer keys export`); may be repeated. "
        "Default: the keys of `qlayer keys ls`.",
    ),
]
MaybeSigned = Annotated[bool, typer.Option("--signed", help="Fail when nobody signed it; --key implies it.")]


def sign(
    capsule: Annotated[
        str, typer.Argument(metavar="CAPSULE", help="A capsule's id, or at least 6 hex digits of it.")
    ],
    key: Annotated[str, typer.Option(metavar="NAME", help="The key that signs.")] = DEFAULT_NAME,
    as_json: Json = False,
) -> None:
    """Sign a capsule: its provenance, and through it every byte. The same key twice signs once."""
    settings = load_settings()
    made = asyncio.run(_sign(settings, capsule, key))
    if as_json:
        print_json(made)
    else:
        out().print(f"signed: {short(made.capsule)} by {key} ({made.key[:12]})")


def trusted(settings: Settings, files: list[Path] | None) -> Trust:
    """Whose signatures count. Raises `InputError` for a file that holds no public key."""
    if not files:
        return KeyFolder(settings.keys_dir).trust()
    return Trust(keys=tuple(read_public_key(file) for file in files))


async def _sign(settings: Settings, prefix: str, key: str) -> Attestation:
    signer = KeyFolder(settings.keys_dir).signer(key)
    async with open_storage(settings) as storage:
        found = await storage.records.find_capsule(prefix)
        return await storage.attestations.sign(found.id, signer, datetime.now(UTC))
