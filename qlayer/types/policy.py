"""What a policy is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from qlayer.types.check import Level
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId, Digest, ModelId
from qlayer.types.signature import KeyId, KeyState


class SignedBy(Frozen):
    """A signature that counts: whose, and whether that key still signs."""

    key: KeyId
    name: str
    state: KeyState


class ReleaseFacts(Frozen):
    """All that a rule may look at when a capsule is to be released to an environment."""

    environment: str
    capsule: CapsuleId
    template: str
    model: ModelId
    model_licence: str
    level: Level | None
    allowed: bool
    """The capsule's own decision."""
    age_days: int = Field(ge=0)
    signers: tuple[SignedBy, ...] = ()
    """Signatures that count; those of unknown and revoked keys are not among them."""
    scanned: bool = False
    findings: Mapping[str, int] = Field(default={})
    """Severity -> how many of the last scan."""
    licences: tuple[str, ...] = ()
    """SPDX ids of what it depends on."""
    unlicensed: int = 0
    """Components whose licence is not known."""


class PolicyDecision(Frozen):
    """Allowed, or why not. Fail closed: what could not be decided is denied, with that as the reason."""

    environment: str
    capsule: CapsuleId
    allow: bool
    reasons: tuple[str, ...]
    """Sentences that a person can act on; empty when allowed."""
    policy: Digest
    """Of the rules and data that decided."""


class PolicyCase(Frozen):
    """Facts and what must be decided about them."""

    name: str
    facts: ReleaseFacts
    allow: bool
    reason: str = ""
    """Part of a reason of the denial."""


class RawCase(Frozen):
    """A case as a person writes it: only the facts that matter to it."""

    name: str
    facts: Mapping[str, Any]
    allow: bool
    reason: str = ""


class PolicyCases(Frozen):
    """A file of cases; the facts of each are laid over `base`."""

    base: Mapping[str, Any]
    cases: tuple[RawCase, ...]

    def all(self) -> tuple[PolicyCase, ...]:
        """Raises ValidationError naming the field of a case that is no fact."""
        return tuple(
            PolicyCase(
                name=case.name,
                facts=ReleaseFacts.model_validate({**self.base, **case.facts}),
                allow=case.allow,
                reason=case.reason,
            )
            for case in self.cases
        )


class PolicyTest(Frozen):
    """What came of a case."""

    name: str
    passed: bool
    problem: str = ""
    """What was decided instead."""
