"""The rules of publishing that every backend of `Releases` keeps: versions are immutable and in one line."""

from __future__ import annotations

from collections.abc import Sequence

from qlayer.errors import ConflictError, NotFoundError
from qlayer.types.release import PointerMove, Release


def is_published(release: Release, history: Sequence[Release]) -> bool:
    """Whether this version is published already; `history` is that of its name, newest first.

    Raises `ConflictError` when the version stands for another capsule, or was decided on an older newest one.
    """
    same = next((one for one in history if one.version == release.version), None)
    if same is not None:
        if same.capsule != release.capsule:
            raise ConflictError(f"{same} is published already, as capsule {same.capsule}")
        return True
    newest = history[0].version if history else None
    if newest != release.previous:
        raise ConflictError(
            f"the newest version of {release.name} is {newest}, not {release.previous}",
            hint="somebody published in between; decide the version again",
        )
    return False


def check_version_exists(move: PointerMove, history: Sequence[Release]) -> None:
    """Raises `NotFoundError` when the pointer would point at nothing."""
    if not any(release.version == move.version for release in history):
        raise NotFoundError(
            f"{move.name} has no version {move.version}",
            kind="release",
            hint=f"qlayer release show {move.name}",
        )
