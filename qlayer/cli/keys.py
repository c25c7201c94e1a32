"""``qlayer keys``: who may sign, and whose signatures count here."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.text import Text

from qlayer.app.settings import load_settings
from qlayer.app.transit import transit_signer
from qlayer.cli.options import Json, TokenFile, TransitMount, TransitUrl
from qlayer.cli.render import out, print_json, printable, table
from qlayer.errors import InputError, NotFoundError
from qlayer.signing.config import TransitConfig
from qlayer.signing.key_file import KeyFolder
from qlayer.types.signature import KeyState, PublicKey

app = typer.Typer(no_args_is_help=True, help="Signing keys: make, list, rotate, revoke, share and trust.")

DEFAULT_NAME = "default"
MAX_KEY_BYTES = 64 * 1024

Name = Annotated[str, typer.Argument(metavar="[NAME]", help="The key's name.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="A key's name, its id, or 8 digits of the id.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, as a sentence; kept with the key.")]

_STYLES = {KeyState.ACTIVE: "green", KeyState.RETIRED: "yellow", KeyState.REVOKED: "red"}


@app.command()
def new(name: Name = DEFAULT_NAME, as_json: Json = False) -> None:
    """Make an ed25519 key. Its private half is a file that only you can read."""
    _tell(_keys().create(name, _now()), as_json, "made")


@app.command()
def ls(as_json: Json = False) -> None:
    """List the keys whose signatures count here, or counted once."""
    keys = _keys().trust().keys
    if as_json:
        print_json(keys)
        return
    rows = (
        (
            key.id[:12],
            key.name,
            Text(key.state, style=_STYLES[key.state]),
            *_dates(key),
            printable(key.reason),
        )
        for key in keys
    )
    out().print(table("key", "name", "state", "made", "ended", "why", rows=rows))


@app.command()
def rotate(name: Name = DEFAULT_NAME, reason: Reason = "rotated", as_json: Json = False) -> None:
    """Make a new key of that name. What the old one signed still counts; it signs no more."""
    _tell(_keys().rotate(name, _now(), reason), as_json, "made")


@app.command()
def revoke(
    key: Key,
    reason: Annotated[str, typer.Option("--reason", help="Why, as a sentence; told at every refusal.")],
    as_json: Json = False,
) -> None:
    """Trust a key no more: nothing that it ever signed counts, here, from now on."""
    _tell(_keys().revoke(key, _now(), reason), as_json, "revoked")


@app.command()
def export(key: Key = DEFAULT_NAME) -> None:
    """Print a public key as JSON, for ``qlayer keys trust`` elsewhere."""
    found = _keys().trust().find(key)
    if found is None:
        raise NotFoundError(f"no key {key}", kind="key", hint="qlayer keys ls")
    print_json(found)


@app.command()
def fetch(
    name: Name,
    url: TransitUrl = None,
    token_file: TokenFile = None,
    mount: TransitMount = "transit",
) -> None:
    """Print the newest public key of a name in OpenBao's transit engine, for ``qlayer keys trust -``."""
    if url is None or token_file is None:
        raise InputError("a transit engine needs --transit-url and --token-file", field="--transit-url")
    config = TransitConfig(url=url, key=name, mount=mount)
    print_json(asyncio.run(transit_signer(config, token_file)).key)


@app.command()
def trust(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `qlayer keys export` printed; - is stdin.")
    ],
    as_json: Json = False,
) -> None:
    """Let somebody else's signatures count here, or take over that they revoked their key."""
    key = read_public_key(file)
    _keys().add(key)
    _tell(key, as_json, "trusted")


def _keys() -> KeyFolder:
    return KeyFolder(load_settings().keys_dir)


def _now() -> datetime:
    return datetime.now(UTC)


def _tell(key: PublicKey, as_json: bool, done: str) -> None:
    if as_json:
        print_json(key)
    else:
        out().print(f"{done}: {key.name} {key.id}")


def _dates(key: PublicKey) -> tuple[str, str]:
    return f"{key.created_at:%Y-%m-%d}", f"{key.ended_at:%Y-%m-%d}" if key.ended_at else ""


def read_public_key(file: Path) -> PublicKey:
    """From a file, or from stdin for ``-``. Raises `InputError`."""
    try:
        data = sys.stdin.buffer.read(MAX_KEY_BYTES + 1) if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", field="FILE") from None
    if len(data) > MAX_KEY_BYTES:
        raise InputError(f"{file} is no public key", field="FILE", limit=f"{MAX_KEY_BYTES} bytes")
    try:
        return PublicKey.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise InputError(f"{file} is no public key: {where}: {first['msg']}", field="FILE") from None
