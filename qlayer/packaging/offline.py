"""Checking an exported folder without a store, a network or a private key."""

from __future__ import annotations

from itertools import islice
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
from qlayer.types.ids import CapsuleId, Digest, sha256
from qlayer.types.signature import Trust

MAX_EVIDENCE_BYTES = 32 * 1024 * 1024
"""Of the manifest, of the bill of materials and of each envelope: what lies there may be anybody's."""
MAX_SIDECARS = 65
"""A bill of materials and 64 signatures; what is beyond is a file that the manifest does not list."""


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
    data = read_regular(folder, MANIFEST_PATH, MAX_EVIDENCE_BYTES)
    if data is None:
        problem = f"{MANIFEST_PATH} is missing, too large or no regular file"
        return verification(None, [Finding(name="manifest", problem=problem)])
    capsule = CapsuleId(sha256(data))
    try:
        manifest = parse_manifest(capsule, data)
    except CorruptBlob as error:
        return verification(None, [Finding(name="manifest", problem=error.message)])
    found = {path: _digest(folder, path) for path in manifest.files}
    beside = islice((path for path in regular_files(folder) if is_sidecar(path)), MAX_SIDECARS)
    read = {path: read_regular(folder, path, MAX_EVIDENCE_BYTES) for path in beside}
    sidecars = {path: content for path, content in read.items() if content is not None}
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


def _digest(folder: Path, path: str) -> Digest | None:
    """Of one file, which is let go again: a project need not fit into memory."""
    content = read_regular(folder, path)
    return None if content is None else sha256(content)
