"""From a server's address and the file with its token to a key in its transit engine.

The token is read from a file, which must be its owner's alone; no option and no variable takes the token
itself.
"""

from __future__ import annotations

import stat
from pathlib import Path

from qlayer.errors import ConfigurationError
from qlayer.signing.base import Signer
from qlayer.signing.config import TransitConfig

MAX_TOKEN_BYTES = 64 * 1024


async def transit_signer(config: TransitConfig, token_file: Path) -> Signer:
    """Raises `ConfigurationError` (the token's file, a missing extra), `SigningError`, `NotFoundError`."""
    try:
        from qlayer.signing.transit import open_transit  # its client is an extra
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"keys in OpenBao need the package {error.name}", hint="pip install 'qlayer[openbao]'"
        ) from None
    return await open_transit(config, read_token(token_file))


def read_token(file: Path) -> str:
    """Raises `ConfigurationError`, which says nothing of what the file holds."""
    try:
        with file.open("rb") as stream:
            mode = stat.S_IMODE(file.stat().st_mode)
            token = stream.read(MAX_TOKEN_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the token in {file} cannot be read ({type(error).__name__})") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"others may read the token in {file}", hint=f"chmod 600 {file}")
    if not token or not token.isprintable():
        raise ConfigurationError(f"{file} holds no token")
    return token
