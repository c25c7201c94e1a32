"""Who can sign, and whether a signature counts.

Envelopes, key ids and the cryptography are securesystemslib's; here it is only decided which keys count. A
signature counts when a trusted key that was not revoked made it over exactly these bytes and this type.
"""

from __future__ import annotations

import json
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.dsse import Envelope as Dsse
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature as RawSignature
from securesystemslib.signer import SSlibKey

from qlayer.errors import SignatureRefused
from qlayer.types.ids import canonical_json
from qlayer.types.signature import Envelope, KeyId, KeyState, PublicKey, Trust

MAX_ENVELOPE_BYTES = 32 * 1024 * 1024
"""A manifest with all its evidence stays far below; more is refused before it is parsed."""


class Signer(Protocol):
    """Signs with one key. The private half stays where it is."""

    @property
    def key(self) -> PublicKey: ...

    async def sign(self, payload: bytes, payload_type: str) -> Envelope:
        """Raises `SigningError` when the key cannot be used."""
        ...


def encoded(envelope: Envelope) -> bytes:
    """The envelope as canonical JSON, in the standard's form."""
    return canonical_json(envelope.model_dump(mode="json", by_alias=True))


def parse_envelope(data: bytes) -> Envelope:
    """Raises `SignatureRefused` for anything that is not an envelope in the form that `encoded` gives.

    One form only: bytes that could be changed without changing what they mean would make copies of an
    envelope differ without anybody noticing.
    """
    if len(data) > MAX_ENVELOPE_BYTES:
        raise SignatureRefused(f"the envelope has {len(data)} bytes; at most {MAX_ENVELOPE_BYTES} are read")
    try:
        envelope = Envelope.model_validate_json(data)
    except ValueError as error:
        raise SignatureRefused(f"this is no DSSE envelope: {_first_line(error)}") from None
    if encoded(envelope) != data:
        raise SignatureRefused("the envelope is not in canonical form")
    return envelope


def check(envelope: Envelope, trust: Trust, payload_type: str) -> PublicKey:
    """The trusted key that signed it. Raises `SignatureRefused`, saying for every signature why not.

    Pure: needs no network and no private key.
    """
    if envelope.payload_type != payload_type:
        raise SignatureRefused(f"the envelope holds {envelope.payload_type!r}, not {payload_type!r}")
    signed = _dsse(envelope).pae()
    reasons = []
    for signature in envelope.signatures:
        key = next((key for key in trust.keys if key.id == signature.keyid), None)
        if key is None:
            reasons.append(f"key {signature.keyid[:12]} is not trusted here")
        elif key.state is KeyState.REVOKED:
            reasons.append(f"key {key.name} ({key.id[:12]}) was revoked: {key.reason}")
        elif not _signed_by(key, signature.sig, signed):
            reasons.append(f"the signature of key {key.name} ({key.id[:12]}) does not fit these bytes")
        else:
            return key
    raise SignatureRefused("; ".join(reasons), hint="qlayer keys ls")


def key_id(public: str) -> KeyId:
    """The id of an ed25519 public key given as hex."""
    return KeyId(_sslib(KeyId(""), public).keyid)


def pre_authentication(payload: bytes, payload_type: str) -> bytes:
    """The bytes that are signed: DSSE's PAE of type and payload."""
    return Dsse(payload, payload_type, {}).pae()


def _signed_by(key: PublicKey, sig: bytes, signed: bytes) -> bool:
    if key_id(key.public) != key.id:
        return False
    try:
        _sslib(key.id, key.public).verify_signature(RawSignature(key.id, sig.hex()), signed)
    except UnverifiedSignatureError:
        return False
    return True


def _sslib(keyid: KeyId, public: str) -> SSlibKey:
    return SSlibKey.from_crypto(
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)), keyid=keyid or None
    )


def _dsse(envelope: Envelope) -> Dsse:
    return Dsse(envelope.payload, envelope.payload_type, {})


def _first_line(error: ValueError) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    return json.dumps(" ".join(lines[1:3]) or "not JSON")
