"""Signing a capsule, and checking that somebody who is trusted did.

What is signed is the provenance statement; it names the manifest and the bill of materials by digest, and the
manifest names everything else. So one signature holds every byte of a capsule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from qlayer.errors import CorruptBlob, NotFoundError, SignatureRefused
from qlayer.packaging.capsule import Capsules
from qlayer.packaging.provenance import PAYLOAD_TYPE, statement, subjects_of
from qlayer.packaging.sbom import SBOM_PATH, bill_of_materials
from qlayer.packaging.verification import Finding, Verification, extended
from qlayer.signing.base import Signer, check, encoded, parse_envelope
from qlayer.store.base import Blobs, Releases
from qlayer.types.capsule import CapsuleManifest
from qlayer.types.ids import CapsuleId, digest_of, sha256
from qlayer.types.policy import SignedBy
from qlayer.types.release import Attestation
from qlayer.types.signature import PublicKey, Trust

ENVELOPES_FOLDER = ".qlayer/attestations"


class Attestations:
    """Signatures over stored capsules."""

    def __init__(self, capsules: Capsules, blobs: Blobs, releases: Releases) -> None:
        self._capsules = capsules
        self._blobs = blobs
        self._releases = releases

    async def sign(self, capsule: CapsuleId, signer: Signer, now: datetime) -> Attestation:
        """Sign a capsule as it is stored. A second key adds its signature, the same key's is kept once.

        Nothing is signed that does not verify. Raises `SignatureRefused` then, `SigningError`, `StoreError`,
        `NotFoundError`.
        """
        verified = await self._capsules.verify(capsule)
        broken = next((step for step in verified.steps if not step.ok), None)
        if broken is not None:
            raise SignatureRefused(f"{capsule} is not signed: {broken.name}: {broken.detail}")
        known = await self._releases.attestations(capsule)
        same = next((one for one in known if one.key == signer.key.id), None)
        if same is not None:
            return same
        sbom = await self.bill(capsule)
        envelope = await signer.sign(await self.statement(capsule), PAYLOAD_TYPE)
        made = Attestation(
            capsule=capsule,
            key=signer.key.id,
            envelope=await self._blobs.put(encoded(envelope)),
            sbom=await self._blobs.put(sbom),
            at=now,
        )
        await self._releases.attest(made)
        return made

    async def bill(self, capsule: CapsuleId) -> bytes:
        """The bill of materials: one a capsule, so a later signature is over the bytes of the first."""
        known = await self._releases.attestations(capsule)
        return (
            await self._blobs.get(known[0].sbom)
            if known
            else bill_of_materials(*await self._capsules.load(capsule))
        )

    async def statement(self, capsule: CapsuleId) -> bytes:
        """What is signed, as JSON: provenance of the manifest and of the bill of materials."""
        manifest, _ = await self._capsules.load(capsule)
        return statement(manifest, await self.bill(capsule))

    async def envelopes(self, capsule: CapsuleId) -> tuple[bytes, ...]:
        """All signatures, whether they count or not, earliest first."""
        known = await self._releases.attestations(capsule)
        return tuple([await self._blobs.get(one.envelope) for one in known])

    async def verify(self, capsule: CapsuleId, trust: Trust, *, signed: bool = False) -> Verification:
        """Check a stored capsule and its signatures in numbered steps; damage is a failed step."""
        found = await self._capsules.verify(capsule)
        if not found.ok:
            return found
        manifest, _ = await self._capsules.load(capsule)
        try:
            steps = signature_steps(manifest, await self.sidecars(capsule), trust, required=signed)
        except (NotFoundError, CorruptBlob) as error:
            steps = iter([Finding(name="signature", problem=error.message)])
        return extended(found, steps)

    async def signers(self, capsule: CapsuleId, trust: Trust) -> tuple[SignedBy, ...]:
        """Whose signatures over a stored capsule count; one that is about another capsule does not."""
        manifest, _ = await self._capsules.load(capsule)
        counted = []
        for one in await self._releases.attestations(capsule):
            data, sbom = await self._blobs.get(one.envelope), await self._blobs.get(one.sbom)
            if _problem(manifest, sbom, data) is None:
                counted.append(_counts(data, trust))
        return tuple(
            SignedBy(key=key.id, name=key.name, state=key.state)
            for key in counted
            if isinstance(key, PublicKey)
        )

    async def sidecars(self, capsule: CapsuleId) -> dict[str, bytes]:
        """What lies beside the manifest in an export: path -> bytes; empty for an unsigned capsule."""
        envelopes = await self.envelopes(capsule)
        return sidecars_of(envelopes, await self.bill(capsule)) if envelopes else {}


def sidecars_of(envelopes: Iterable[bytes], bill: bytes) -> dict[str, bytes]:
    """Path -> bytes beside the manifest in an export. Raises `SignatureRefused` for what is no envelope."""
    keys = {parse_envelope(data).signatures[0].keyid: data for data in envelopes}
    return {f"{ENVELOPES_FOLDER}/{key[:16]}.dsse.json": data for key, data in keys.items()} | {
        SBOM_PATH: bill
    }


def is_sidecar(path: str) -> bool:
    return path == SBOM_PATH or (path.startswith(f"{ENVELOPES_FOLDER}/") and path.endswith(".dsse.json"))


def signature_steps(
    manifest: CapsuleManifest, sidecars: Mapping[str, bytes], trust: Trust, *, required: bool
) -> Iterator[Finding]:
    """Whether the signatures beside a capsule count. Pure; needs public keys alone.

    Damage always fails. Without any signature the step fails only when one is `required`.
    """
    envelopes = {path: data for path, data in sidecars.items() if path != SBOM_PATH}
    if not envelopes:
        alone = "there is a bill of materials and nobody signed it" if SBOM_PATH in sidecars else None
        unsigned = "nobody signed this capsule"
        problem = alone or (unsigned if required else None)
        yield Finding(name="signature", problem=problem, detail=f"{unsigned}; digests alone were checked")
        return
    sbom = sidecars.get(SBOM_PATH)
    about = {path: _problem(manifest, sbom, data) for path, data in envelopes.items()}
    wrong = [f"{path}: {problem}" for path, problem in about.items() if problem]
    yield Finding(
        name="provenance",
        problem="; ".join(wrong) or None,
        detail="what was signed is this manifest and this bill of materials",
    )
    counted = [_counts(data, trust) for data in envelopes.values()]
    names = [f"{key.name} ({key.id[:12]}, {key.state})" for key in counted if isinstance(key, PublicKey)]
    refusals = [refusal for refusal in counted if isinstance(refusal, str)]
    yield Finding(
        name="signature",
        problem=None if names else "; ".join(refusals),
        detail=f"signed by {', '.join(names)}",
    )


def _problem(manifest: CapsuleManifest, sbom: bytes | None, data: bytes) -> str | None:
    """Why an envelope is not about this capsule; says nothing of who signed it."""
    try:
        about = subjects_of(parse_envelope(data).payload)
    except SignatureRefused as error:
        return error.message
    if about.manifest != digest_of(manifest) or about.tree != manifest.tree:
        return f"it is about capsule {about.manifest}"
    if sbom is None:
        return "the bill of materials is missing"
    return None if about.sbom == sha256(sbom) else "the bill of materials is another one"


def _counts(data: bytes, trust: Trust) -> PublicKey | str:
    try:
        return check(parse_envelope(data), trust, PAYLOAD_TYPE)
    except SignatureRefused as error:
        return error.message
