"""Capsules in the store: packed, found again, exported, verified and compared.

A capsule is its manifest; its id is the manifest's digest, and the manifest names every other blob by digest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from qlayer.errors import CorruptBlob, InputError, NotFoundError
from qlayer.packaging.diff import CapsuleDiff, compare
from qlayer.packaging.folder import (
    OWN_FOLDER,
    Exported,
    write_folder,
)
from qlayer.packaging.verification import (
    Finding,
    Verification,
    claims,
    completions,
    same_files,
    verification,
)
from qlayer.store.at_once import all_of, batches
from qlayer.store.base import Blobs, Records
from qlayer.types.capsule import CapsuleManifest, CapsuleSummary
from qlayer.types.ids import CapsuleId, Digest, canonical_json, sha256
from qlayer.types.source import SourceTree


class Capsules:
    """Capsules over a blob store and the index in the records.

    All methods raise `StoreError`; those that take an id raise `NotFoundError` when there is no such capsule.
    """

    def __init__(self, blobs: Blobs, records: Records) -> None:
        self._blobs = blobs
        self._records = records

    async def pack(self, manifest: CapsuleManifest, tree: SourceTree) -> CapsuleId:
        """Store a capsule and list it. Done again it changes nothing.

        1. The files, 2. the manifest, 3. the row in the index: killed at any point, what was written is
        either listed and whole, or not listed and found again by the next try.
        Raises `InputError` when the manifest is not about this tree.
        """
        if manifest.tree != tree.digest or manifest.files != tree.entries():
            raise InputError(
                f"the manifest is about tree {manifest.tree}, not {tree.digest}", field="manifest"
            )
        own = next((path for path in tree.paths() if path.split("/")[0] == OWN_FOLDER), None)
        if own is not None:
            raise InputError(f"{own} lies in {OWN_FOLDER}/, which is the platform's own", field="tree")
        for batch in batches(tree.files.values()):
            await all_of(self._blobs.put(data) for data in batch)
        await self._blobs.put(canonical_json(manifest))
        await self._records.index_capsule(_summary(manifest))
        return manifest.id

    async def load(self, capsule: CapsuleId) -> tuple[CapsuleManifest, SourceTree]:
        """The manifest and the files. Raises `CorruptBlob` when they do not belong together."""
        manifest = await self._manifest(capsule)
        files: dict[str, bytes] = {}
        for batch in batches(manifest.files.items()):
            contents = await all_of(self._blobs.get(digest) for _, digest in batch)
            files.update(zip((path for path, _ in batch), contents, strict=True))
        tree = SourceTree(files=files)
        if tree.digest != manifest.tree:
            raise CorruptBlob(f"the files of capsule {capsule} make another tree than its manifest says")
        return manifest, tree

    async def export(
        self,
        capsule: CapsuleId,
        destination: Path,
        *,
        force: bool = False,
        sidecars: Mapping[str, bytes] = MappingProxyType({}),
    ) -> Exported:
        """Write the project and its manifest to a folder, whole or not at all; see `write_folder`."""
        manifest, tree = await self.load(capsule)
        return await asyncio.to_thread(
            write_folder, manifest, tree, destination, force=force, sidecars=sidecars
        )

    async def verify(self, capsule: CapsuleId) -> Verification:
        """Check a stored capsule in numbered steps; damage is a failed step, not an exception."""
        try:
            manifest = await self._manifest(capsule)
        except CorruptBlob as error:
            return verification(capsule, [Finding(name="manifest", problem=error.message)])
        files = await self._digests(manifest.files.values())
        answers = await self._digests(attempt.completion for attempt in manifest.attempts)
        return verification(
            capsule,
            [
                Finding(name="manifest", detail=f"its digest is the capsule's id {capsule}"),
                same_files(manifest, {path: files[digest] for path, digest in manifest.files.items()}),
                *claims(manifest),
                completions(manifest, {wanted: found == wanted for wanted, found in answers.items()}),
            ],
        )

    async def diff(self, before: CapsuleId, after: CapsuleId) -> CapsuleDiff:
        """What changed from one capsule to another."""
        return compare(await self.load(before), await self.load(after))

    async def _manifest(self, capsule: CapsuleId) -> CapsuleManifest:
        try:
            data = await self._blobs.get(Digest(capsule))
        except NotFoundError:
            raise NotFoundError(f"no capsule {capsule}", kind="capsule", hint="qlayer capsule ls") from None
        return parse_manifest(capsule, data)

    async def _digests(self, wanted: Iterable[Digest]) -> dict[Digest, Digest | None]:
        """What is stored under each digest: itself, or None when it is missing or damaged."""
        found: dict[Digest, Digest | None] = {}
        for batch in batches(dict.fromkeys(wanted)):
            found.update(zip(batch, await all_of(self._digest(d) for d in batch), strict=True))
        return found

    async def _digest(self, wanted: Digest) -> Digest | None:
        try:
            return sha256(await self._blobs.get(wanted))
        except (NotFoundError, CorruptBlob):
            return None


def parse_manifest(capsule: CapsuleId, data: bytes) -> CapsuleManifest:
    """Raises `CorruptBlob` when it is no manifest, or not in canonical form."""
    try:
        manifest = CapsuleManifest.model_validate_json(data)
    except ValidationError as error:
        raise CorruptBlob(f"{capsule} is not a capsule's manifest: {error.errors()[0]['msg']}") from None
    if manifest.id != capsule:
        raise CorruptBlob(f"the manifest of {capsule} is not in canonical form")
    return manifest


def _summary(manifest: CapsuleManifest) -> CapsuleSummary:
    return CapsuleSummary(
        id=manifest.id,
        title=manifest.title,
        template=manifest.template,
        model=manifest.model.id,
        level=manifest.decision.level,
        allow=manifest.decision.allow,
        created_at=manifest.created_at,
        run_id=manifest.run_id,
    )
