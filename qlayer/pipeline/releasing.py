"""A finished capsule on its way out: signed, put to the policy, built as an image; each a recorded step.

A denial is an answer, not a failure: the capsule stays, with the reasons on record. What an interrupted run
had signed or decided is taken from the record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from qlayer.errors import InputError, SignatureRefused
from qlayer.packaging.attestation import Attestations
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.facts import release_facts
from qlayer.packaging.images import Images
from qlayer.pipeline.journal import Journal
from qlayer.signing.base import Signer
from qlayer.types.ids import CapsuleId
from qlayer.types.policy import PolicyDecision, ReleaseFacts
from qlayer.types.run import Governed, ImageBuilt, Signed
from qlayer.types.signature import Trust


@dataclass(frozen=True)
class Releasing:
    """What a release needs beside the capsule. Keys and rules are asked for anew at each release."""

    capsules: Capsules
    attestations: Attestations
    signer: Callable[[], Signer]
    """Raises `SigningError`, `NotFoundError` when there is no key to sign with."""
    trust: Callable[[], Trust]
    decide: Callable[[ReleaseFacts], PolicyDecision]
    compile: Callable[[], None]
    """Raises `ConfigurationError` for rules that cannot decide anything."""
    environments: tuple[str, ...]
    images: Images
    now: Callable[[], datetime]

    def check(self, environment: str) -> None:
        """Find out before a run, not after it, that it cannot end in a release.

        Raises `InputError` for an environment without rules, and what `compile` and `signer` raise.
        """
        if environment not in self.environments:
            raise InputError(
                f"the release policy knows no environment {environment!r}",
                field="release_to",
                limit="one of " + ", ".join(self.environments),
            )
        self.compile()
        self.signer()

    async def release(self, journal: Journal, capsule: CapsuleId, environment: str) -> Governed:
        """Sign the capsule, verify what was signed, ask the policy, and build the image if it allows that.

        Raises `SigningError`, `SignatureRefused`, `StoreError`.
        """
        await self._sign(journal, capsule)
        verified = await self.attestations.verify(capsule, self.trust(), signed=True)
        broken = next((step for step in verified.steps if not step.ok), None)
        if broken is not None:
            raise SignatureRefused(f"{capsule} does not verify: {broken.name}: {broken.detail}")

        async def make() -> Governed:
            facts = await release_facts(
                capsule, environment, self.capsules, self.attestations, self.trust(), self.now()
            )
            return Governed(decision=self.decide(facts))

        governed = await journal.step("policy", [capsule, environment], Governed, make)
        if governed.decision.allow:
            await self._build(journal, capsule)
        return governed

    async def _build(self, journal: Journal, capsule: CapsuleId) -> ImageBuilt:
        async def make() -> ImageBuilt:
            built = await self.images.build(capsule)
            attached = tuple(one.digest for one in built.attached)
            return ImageBuilt(capsule=capsule, image=built.image.digest, attached=attached)

        return await journal.step("image", [capsule], ImageBuilt, make)

    async def _sign(self, journal: Journal, capsule: CapsuleId) -> Signed:
        async def make() -> Signed:
            signer = self.signer()
            made = await self.attestations.sign(capsule, signer, self.now())
            return Signed(capsule=capsule, key=made.key, name=signer.key.name, envelope=made.envelope)

        return await journal.step("sign", [capsule], Signed, make)
