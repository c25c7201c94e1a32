"""A capsule published under a name and a version, and who signed it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field
from semver import Version as SemVer

from qlayer.types.frozen import Frozen, added
from qlayer.types.ids import CapsuleId, Digest
from qlayer.types.policy import PolicyDecision
from qlayer.types.signature import KeyId

CURRENT = "current"
"""The pointer that says which version is in use; rolling back moves it."""


def _semantic(text: str) -> str:
    return str(SemVer.parse(text))


Version = Annotated[str, AfterValidator(_semantic)]
"""A semantic version (semver.org, 2.0.0), for example ``1.2.0``."""
ReleaseName = Annotated[str, Field(pattern=r"\A[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\z")]
"""What Kubernetes takes as a name too (RFC 1123 label)."""
PointerName = Annotated[str, Field(pattern=r"\A[a-z][a-z0-9.-]{0,62}\z")]


class ChangeKind(StrEnum):
    """What a version changes for those who use it."""

    FIRST = "first"
    API = "api"
    """Something that others rely on went away or changed its meaning."""
    FEATURE = "feature"
    FIX = "fix"


class Release(Frozen):
    """One version of a name. Immutable: the same name and version never stands for another capsule."""

    name: ReleaseName
    version: Version
    capsule: CapsuleId
    at: datetime
    who: str
    change: ChangeKind
    reasons: tuple[str, ...] = ()
    """Sentences: what in the difference to `previous` decided the version."""
    previous: Version | None = None
    notes: str = ""
    """Markdown."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class PointerMove(Frozen):
    """A pointer (``current``, or a tag) was set to a version; kept for ever, the newest counts."""

    name: ReleaseName
    pointer: PointerName
    version: Version
    at: datetime
    who: str
    reason: str = ""
    decision: PolicyDecision | None = added(None)
    """That of the release policy, for a pointer that is named after one of its environments."""


class Attestation(Frozen):
    """A signature over a capsule's provenance, kept beside it. The blobs hold the bytes."""

    capsule: CapsuleId
    key: KeyId
    envelope: Digest
    """Of the DSSE envelope with the provenance statement."""
    sbom: Digest
    at: datetime
