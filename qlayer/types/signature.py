"""Signed bytes, and the keys that somebody trusts to have signed them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NewType

from pydantic import BeforeValidator, Field, PlainSerializer

from qlayer.errors import InputError
from qlayer.types.frozen import Frozen

KeyId = NewType("KeyId", str)
"""64 lower-case hex digits: SHA-256 over the canonical form of the public key (securesystemslib's rule)."""


class KeyState(StrEnum):
    ACTIVE = "active"
    RETIRED = "retired"
    """Rotated out: it signs no more, what it signed still counts."""
    REVOKED = "revoked"
    """No longer trusted: nothing it ever signed counts, for a thief can write any date."""


class PublicKey(Frozen):
    """An ed25519 key that can check signatures, with what became of it."""

    id: KeyId
    name: str = Field(pattern=r"\A[a-z0-9][a-z0-9._-]{0,62}\z")
    public: str = Field(pattern=r"\A[0-9a-f]{64}\z")
    """The raw 32 bytes, in hex."""
    created_at: datetime
    state: KeyState = KeyState.ACTIVE
    ended_at: datetime | None = None
    reason: str = ""
    """Why it was retired or revoked, as a sentence."""


class Trust(Frozen):
    """The keys whose word counts, newest first."""

    schema_version: int = Field(default=1, ge=1, le=1)
    keys: tuple[PublicKey, ...] = ()

    def find(self, name_or_id: str) -> PublicKey | None:
        """By id, or the newest of that name, or by the id's first 8 digits or more.

        Raises `InputError` when that could be another key as well: nobody revokes the wrong one.
        """
        whole = next((key for key in self.keys if key.id == name_or_id), None)
        if whole is not None:
            return whole
        named = [key for key in self.keys if key.name == name_or_id][:1]
        begun = [key for key in self.keys if len(name_or_id) >= 8 and key.id.startswith(name_or_id)]
        found = {key.id: key for key in (*named, *begun)}
        if len(found) > 1:
            ids = ", ".join(key[:16] for key in found)
            raise InputError(f"{name_or_id!r} could be any of {ids}; give more digits", field="key")
        return next(iter(found.values()), None)

    def with_key(self, key: PublicKey) -> Trust:
        """With this key added, or put in the place of the one with its id."""
        others = tuple(other for other in self.keys if other.id != key.id)
        newest_first = sorted((key, *others), key=lambda one: one.created_at, reverse=True)
        return Trust(keys=tuple(newest_first))


def _decoded(value: Any) -> Any:
    return b64decode(value, validate=True) if isinstance(value, str) else value


Base64 = Annotated[
    bytes,
    BeforeValidator(_decoded),
    PlainSerializer(lambda data: b64encode(data).decode(), return_type=str, when_used="json"),
]
"""Bytes that are standard base64 in JSON, as other readers of envelopes expect."""


class Signature(Frozen):
    keyid: KeyId
    sig: Base64


class Envelope(Frozen):
    """A DSSE envelope (secure-systems-lab/dsse, version 1.0.2): bytes of a named type, and who signed them.

    Its JSON is the standard's own: base64 for bytes, `payloadType` for the type.
    """

    payload: Base64
    payload_type: str = Field(alias="payloadType")
    signatures: tuple[Signature, ...] = Field(min_length=1, max_length=16)
