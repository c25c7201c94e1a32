"""``qlayer capsule sign``, and whose signatures count when a capsule is verified."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qlayer.app.build import open_storage
from qlayer.app.settings import Settings, load_settings
from qlayer.app.transit import transit_signer
from qlayer.cli.keys import DEFAULT_NAME, read_public_key
from qlayer.cli.options import Json, TokenFile, TransitMount, TransitUrl
from qlayer.cli.render import out, print_json, short
from qlayer.errors import InputError
from qlayer.signing.base import Signer
from qlayer.signing.config import TransitConfig
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
Transit = tuple[TransitConfig, Path]
"""A key in a transit engine, and the file with the token."""


class SignerKind(StrEnum):
    FILE = "file"
    TRANSIT = "transit"


MaybeSigned = Annotated[bool, typer.Option("--signed", help="Fail when nobody signed it; --key implies it.")]


def sign(
    capsule: Annotated[
        str, typer.Argument(metavar="CAPSULE", help="A capsule's id, or at least 6 hex digits of it.")
    ],
    key: Annotated[str, typer.Option(metavar="NAME", help="The key that signs.")] = DEFAULT_NAME,
    signer: Annotated[
        SignerKind, typer.Option(help="Where the key is: in a file here, or in OpenBao's transit engine.")
    ] = SignerKind.FILE,
    url: TransitUrl = None,
    token_file: TokenFile = None,
    mount: TransitMount = "transit",
    as_json: Json = False,
) -> None:
    """Sign a capsule: its provenance, and through it every byte. The same key twice signs once."""
    settings = load_settings()
    transit = transit_of(signer, key, url, token_file, mount)
    made = asyncio.run(_sign(settings, capsule, key, transit))
    if as_json:
        print_json(made)
    else:
        out().print(f"signed: {short(made.capsule)} by {key} ({made.key[:12]})")


def trusted(settings: Settings, files: list[Path] | None) -> Trust:
    """Whose signatures count. Raises `InputError` for a file that holds no public key."""
    if not files:
        return KeyFolder(settings.keys_dir).trust()
    return Trust(keys=tuple(read_public_key(file) for file in files))


def transit_of(
    signer: SignerKind, key: str, url: str | None, token_file: Path | None, mount: str
) -> Transit | None:
    """None for a key in a file. Raises `InputError`."""
    if signer is SignerKind.FILE:
        if url is not None or token_file is not None:
            raise InputError("a key in a file needs no server", field="--signer", hint="--signer transit")
        return None
    if url is None or token_file is None:
        raise InputError("a key in a transit engine needs --transit-url and --token-file", field="--signer")
    return TransitConfig(url=url, key=key, mount=mount), token_file


async def _sign(settings: Settings, prefix: str, key: str, transit: Transit | None) -> Attestation:
    signer: Signer = (
        await transit_signer(*transit) if transit is not None else KeyFolder(settings.keys_dir).signer(key)
    )
    async with open_storage(settings) as storage:
        found = await storage.records.find_capsule(prefix)
        return await storage.attestations.sign(found.id, signer, datetime.now(UTC))
