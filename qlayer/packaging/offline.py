"""Checking an exported folder without a store, a network or a private key."""

from __future__ import annotations

from pathlib import Path

from qlayer.errors import CorruptBlob
from qlayer.packaging.attestation import is_sidecar, signature_steps
from qlayer.packaging.capsule import parse_manifest
from qlayer.packaging.folder import MANIFEST_PATH, read_regular, regular_files
from qlayer.packaging.verification import (
    Finding,
    Verification,
    claims,
    nothing_else,
    same_files,
    verification,
)
from qlayer.types.ids import CapsuleId, sha256
from qlayer.types.signature import Trust


def verify_folder(
    folder: Path,
    expected: CapsuleId | None = None,
    *,
    trust: Trust | None = None,
    signed: bool = False,
) -> Verification:
    """Check an exported folder in numbered steps. `expected` is the id it should have.

    `trust` holds the keys that count; None: nobody's. With `signed` a capsule that nobody signed fails.
    Blocks on the disk. The model's raw answers are not part of an export, so that step is not among them.
    """
    data = read_regular(folder, MANIFEST_PATH)
    if data is None:
        problem = f"{MANIFEST_PATH} is missing or no regular file"
        return verification(None, [Finding(name="manifest", problem=problem)])
    capsule = CapsuleId(sha256(data))
    try:
        manifest = parse_manifest(capsule, data)
    except CorruptBlob as error:
        return verification(None, [Finding(name="manifest", problem=error.message)])
    contents = {path: read_regular(folder, path) for path in manifest.files}
    found = {path: None if content is None else sha256(content) for path, content in contents.items()}
    beside = {path: read_regular(folder, path) for path in regular_files(folder) if is_sidecar(path)}
    sidecars = {path: content for path, content in beside.items() if content is not None}
    others = (path for path in regular_files(folder) if path != MANIFEST_PATH and path not in sidecars)
    wrong = None if expected in (None, capsule) else f"this is capsule {capsule}, not {expected}"
    return verification(
        capsule,
        [
            Finding(name="manifest", problem=wrong, detail=f"its digest is {capsule}"),
            same_files(manifest, found),
            nothing_else(manifest, others),
            *claims(manifest),
            *signature_steps(manifest, sidecars, trust or Trust(), required=signed),
        ],
    )
