"""A project's files as one immutable value with a digest."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainSerializer, field_validator
from pydantic_core import PydanticCustomError

from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, digest_of, sha256

MAX_FILES = 2_000
MAX_PATH_BYTES = 512
MAX_PART_BYTES = 255
"""What common file systems hold."""
MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_TREE_BYTES = 64 * 1024 * 1024
_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's control characters, surrogates, and separators of lines and paragraphs."""
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They make a name look like another one."""
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
"""Windows opens a device for them, whatever follows a dot."""


def check_path(text: str) -> str:
    """Return the path unchanged, or raise ValueError saying which rule it breaks.

    A path is relative, POSIX, without ``.``, ``..``, empty parts, control characters or backslashes. None of
    its parts is a name that some system keeps for itself.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= MAX_PATH_BYTES:
        raise _refusal(f"path must have 1 to {MAX_PATH_BYTES} bytes, got {size}", max_bytes=MAX_PATH_BYTES)
    if any(ch == "\\" or ch in _BIDI or unicodedata.category(ch) in _UNPRINTABLE for ch in text):
        raise _refusal(f"path {text!r} has a control character, a backslash or a lone surrogate")
    parts = text.split("/")
    if text.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise _refusal(f"path {text!r} must be relative and without empty, '.' or '..' parts")
    for part in parts:
        if len(part.encode()) > MAX_PART_BYTES:
            cause = f"a part of a path has at most {MAX_PART_BYTES} bytes: {part[:40]!r}..."
            raise _refusal(cause, max_part_bytes=MAX_PART_BYTES)
        if part.partition(".")[0].rstrip(" ").lower() in _RESERVED:
            raise _refusal(f"path {text!r} has a name that some systems keep for devices: {part!r}")
    return text


def _refusal(message: str, **limits: int) -> PydanticCustomError:
    """A ValueError that carries the limit to whoever shows it as a number."""
    return PydanticCustomError("tree", "{message}", {"message": message, **limits})


def _same_name(path: str) -> str:
    """What a file system that ignores case and Unicode's several spellings makes of a path."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


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
            raise _refusal(f"a tree holds at most {MAX_FILES} files, got {len(files)}", max_files=MAX_FILES)
        total = 0
        for path, data in files.items():
            if len(data) > MAX_FILE_BYTES:
                cause = f"{path} has {len(data)} bytes; a file holds at most {MAX_FILE_BYTES}"
                raise _refusal(cause, max_file_bytes=MAX_FILE_BYTES)
            total += len(data)
        if total > MAX_TREE_BYTES:
            cause = f"a tree holds at most {MAX_TREE_BYTES} bytes, got {total}"
            raise _refusal(cause, max_tree_bytes=MAX_TREE_BYTES)
        seen: dict[str, str] = {}
        for path in files:
            other = seen.setdefault(_same_name(path), path)
            if other != path:
                raise _refusal(f"{path!r} and {other!r} differ in case or spelling only")
            if any(str(parent) in files for parent in PurePosixPath(path).parents):
                raise _refusal(f"{path} lies below another file of the tree")
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
