"""A project's files as one immutable value with a digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainSerializer, field_validator

from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, digest_of, sha256

MAX_FILES = 2_000
MAX_PATH_BYTES = 512
MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_TREE_BYTES = 64 * 1024 * 1024


def check_path(text: str) -> str:
    """Return the path unchanged, or raise ValueError saying which rule it breaks.

    A path is relative, POSIX, without ``.``, ``..``, empty parts, control characters or backslashes.
    """
    if not text or len(text.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        raise ValueError(f"path must have 1 to {MAX_PATH_BYTES} bytes")
    if any(ord(ch) < 0x20 or ord(ch) == 0x7F or ch == "\\" or 0xD800 <= ord(ch) < 0xE000 for ch in text):
        raise ValueError(f"path {text!r} has a control character, a backslash or a lone surrogate")
    parts = text.split("/")
    if text.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"path {text!r} must be relative and without empty, '.' or '..' parts")
    return text


TreePath = Annotated[str, AfterValidator(check_path)]
"""A relative POSIX path inside a tree."""

_Files = Annotated[Mapping[TreePath, bytes], PlainSerializer(dict, return_type=dict[str, bytes])]


class SourceTree(Frozen):
    """Path -> bytes, sorted by path. Its identity is `digest`; order of insertion does not matter."""

    files: _Files = Field(default={})

    @field_validator("files", mode="after")
    @classmethod
    def _within_limits(cls, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        if len(files) > MAX_FILES:
            raise ValueError(f"a tree holds at most {MAX_FILES} files, got {len(files)}")
        total = 0
        for path, data in files.items():
            if len(data) > MAX_FILE_BYTES:
                raise ValueError(f"{path} has {len(data)} bytes; a file holds at most {MAX_FILE_BYTES}")
            total += len(data)
        if total > MAX_TREE_BYTES:
            raise ValueError(f"a tree holds at most {MAX_TREE_BYTES} bytes, got {total}")
        for path in files:
            if any(str(parent) in files for parent in PurePosixPath(path).parents):
                raise ValueError(f"{path} lies below another file of the tree")
        return dict(sorted(files.items()))

    @property
    def digest(self) -> Digest:
        """The digest of the sorted map path -> digest of bytes."""
        return digest_of(self.entries())

    def entries(self) -> dict[str, Digest]:
        """Path -> content id, sorted by path."""
        return {path: sha256(data) for path, data in self.files.items()}

    def with_files(self, files: Mapping[str, bytes | str]) -> SourceTree:
        """A new tree with these files added or replaced. Text is stored as UTF-8."""
        encoded = {p: d.encode() if isinstance(d, str) else d for p, d in files.items()}
        return SourceTree(files={**self.files, **encoded})

    def without(self, *paths: str) -> SourceTree:
        return SourceTree(files={p: d for p, d in self.files.items() if p not in paths})

    def text(self, path: str) -> str:
        """The file as UTF-8 text. Raises KeyError when it is not in the tree."""
        return self.files[path].decode()

    def paths(self) -> Iterator[str]:
        return iter(self.files)

    def __contains__(self, path: Any) -> bool:
        return path in self.files
