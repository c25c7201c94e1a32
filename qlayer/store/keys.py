"""The names that callers may give to a record, checked the same way by every backend."""

from __future__ import annotations

import re

from qlayer.errors import InputError
from qlayer.types.ids import Digest, is_digest

MAX_IDEMPOTENCY_KEY = 200
MIN_PREFIX = 6

_HEX = re.compile(rf"[0-9a-f]{{{MIN_PREFIX},64}}\Z")


def check_digest(digest: Digest) -> Digest:
    """Return it unchanged. Raises `InputError` when it is not ``sha256:`` and 64 hex digits."""
    if not is_digest(digest):
        raise InputError(
            f"{digest[:80]!r} is not a digest", field="digest", limit="sha256: and 64 hex digits"
        )
    return digest


def check_idempotency_key(key: str) -> str:
    """Return it unchanged. Raises `InputError` when it is empty, too long or not printable."""
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY or not key.isprintable():
        limit = f"1 to {MAX_IDEMPOTENCY_KEY} printable characters"
        raise InputError(f"the idempotency key must have {limit}", field="idempotency_key", limit=limit)
    return key


def capsule_prefix(text: str) -> str:
    """``sha256:`` and the hex digits of a capsule id or of its beginning. Raises `InputError` otherwise."""
    digits = text.strip().lower().removeprefix("sha256:")
    if not _HEX.match(digits):
        limit = f"{MIN_PREFIX} to 64 hex digits"
        raise InputError(f"{text[:80]!r} does not name a capsule: give {limit}", field="capsule", limit=limit)
    return f"sha256:{digits}"
