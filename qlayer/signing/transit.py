"""Keys that never leave OpenBao (or Vault): its transit engine signs, this process only asks.

A key is ``NAME`` in the engine with its version there; every version is a public key of its own, so a rotated
key's older versions go on counting until they are revoked.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import hvac
from hvac.exceptions import Forbidden, InvalidPath, VaultDown, VaultError
from requests.exceptions import RequestException

from qlayer.errors import NotFoundError, SigningError
from qlayer.signing.base import check, key_id, pre_authentication
from qlayer.signing.config import TransitConfig
from qlayer.types.signature import Envelope, PublicKey, Signature, Trust

TIMEOUT_S = 10
_Answer = TypeVar("_Answer")


class TransitSigner:
    """Signs with the newest version of one key. Make one with `open_transit`."""

    def __init__(self, client: hvac.Client, config: TransitConfig, key: PublicKey, version: int) -> None:
        self._client = client
        self._config = config
        self._key = key
        self._version = version

    @property
    def key(self) -> PublicKey:
        return self._key

    async def sign(self, payload: bytes, payload_type: str) -> Envelope:
        signed = pre_authentication(payload, payload_type)
        answer = await _asked(
            self._config,
            lambda: self._client.secrets.transit.sign_data(
                self._config.key,
                hash_input=b64encode(signed).decode(),
                key_version=self._version,
                mount_point=self._config.mount,
            ),
        )
        with _understood(self._config):
            sig = b64decode(answer["data"]["signature"].split(":")[2], validate=True)
        envelope = Envelope(
            payload=payload,
            payloadType=payload_type,
            signatures=(Signature(keyid=self._key.id, sig=sig),),
        )
        check(envelope, Trust(keys=(self._key,)), payload_type)
        return envelope


async def open_transit(config: TransitConfig, token: str) -> TransitSigner:
    """A signer with the key's newest version. Raises `SigningError`, `NotFoundError` without such a key."""
    client = hvac.Client(url=config.url, token=token, timeout=TIMEOUT_S, verify=config.verify)
    keys = await transit_keys(client, config)
    if not keys:
        raise SigningError(f"transit key {config.key} has no version")
    version = max(keys)
    return TransitSigner(client, config, keys[version], version)


async def transit_keys(client: hvac.Client, config: TransitConfig) -> dict[int, PublicKey]:
    """Every version of the key that the server still has."""
    answer = await _asked(
        config, lambda: client.secrets.transit.read_key(config.key, mount_point=config.mount)
    )
    with _understood(config):
        kind, held = answer["data"]["type"], answer["data"]["keys"]
        if kind != "ed25519":
            raise SigningError(f"transit key {config.key} is {kind}, not ed25519")
        return {int(version): _public(config, one) for version, one in held.items()}


def _public(config: TransitConfig, held: dict[str, Any]) -> PublicKey:
    public = b64decode(held["public_key"]).hex()
    created = datetime.fromisoformat(held["creation_time"])
    return PublicKey(id=key_id(public), name=config.key, public=public, created_at=created)


@contextmanager
def _understood(config: TransitConfig) -> Iterator[None]:
    """Something else than OpenBao may answer at that address: that is told, and nothing of the answer."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise SigningError(
            f"{config.url} answered what no transit engine answers ({type(error).__name__})",
            hint="is it the address of OpenBao or Vault, and is the mount right?",
        ) from None


async def _asked(config: TransitConfig, call: Callable[[], _Answer]) -> _Answer:
    """The server's answer, or what went wrong as one sentence without the token."""
    try:
        return await asyncio.to_thread(call)
    except InvalidPath:
        raise NotFoundError(
            f"{config.url} has no transit key {config.key}",
            kind="key",
            hint=f"bao write -f {config.mount}/keys/{config.key} type=ed25519",
        ) from None
    except Forbidden:
        raise SigningError(
            f"{config.url} forbids the use of transit key {config.key}", hint="check the token and its policy"
        ) from None
    except VaultDown:
        raise SigningError(f"{config.url} is sealed", hint="bao operator unseal") from None
    except VaultError as error:
        raise SigningError(
            f"{config.url} refused: {'; '.join(map(str, error.errors or ['no reason']))}"
        ) from None
    except RequestException as error:
        raise SigningError(f"{config.url} cannot be reached ({type(error).__name__})") from None
