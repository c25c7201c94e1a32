"""Names of things. Content ids are ``sha256:<64 hex digits>``; run ids sort by time of creation."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, NewType

from pydantic import BaseModel

Digest = NewType("Digest", str)
"""``sha256:`` and 64 lower-case hex digits."""
CapsuleId = NewType("CapsuleId", str)
"""The digest of a capsule's manifest."""
RunId = NewType("RunId", str)
ModelId = NewType("ModelId", str)
"""The id of an entry in the model catalogue, for example ``qwen2.5-coder-1.5b``."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_RUN_ID = re.compile(r"run-[0-9a-f]{12}-[0-9a-f]{8}\Z")


def sha256(data: bytes) -> Digest:
    """The content id of these bytes."""
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def is_digest(text: str) -> bool:
    return _DIGEST.match(text) is not None


def is_run_id(text: str) -> bool:
    return _RUN_ID.match(text) is not None


def new_run_id(now_ms: int, entropy: bytes) -> RunId:
    """A run id from the time (milliseconds since the epoch) and at least four random bytes."""
    return RunId(f"run-{now_ms:012x}-{entropy[:4].hex()}")


def canonical_json(value: Any) -> bytes:
    """The one byte form of a JSON value: sorted keys, no spaces, UTF-8, no NaN."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_as_json
    ).encode()


def digest_of(value: Any) -> Digest:
    """The content id of a JSON value or a model, through its canonical form."""
    return sha256(canonical_json(value))


def _as_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")
