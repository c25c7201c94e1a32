"""Names of the forms that a body may take, as they stand in pydantic's error locations and nowhere else."""

from __future__ import annotations

ONE = "(one)"
BATCH = "(batch)"


def plain(path: list[str]) -> list[str]:
    """A location below the body without the names of forms: ``jobs.3.stdin`` as the caller wrote it."""
    if path[:1] == [ONE]:
        return path[2:]  # this tag and the form's
    if path[:1] == [BATCH]:
        return [*path[1:3], *path[4:]] if path[1:2] == ["jobs"] else path[1:]
    return path
