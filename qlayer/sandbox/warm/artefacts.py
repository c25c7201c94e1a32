"""What builds made, kept on disk by the digest of what they were made from.

One file per build, written beside and renamed, so that several processes may share a folder: a reader sees
a whole entry or none. A damaged entry counts as missing. Bounded by bytes; the least recently used go first.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from qlayer.sandbox.warm.tools import Artefacts
from qlayer.sandbox.zygote.job import Job
from qlayer.types.ids import Digest, sha256

_DIGEST_CHARS = len(sha256(b""))


class ArtefactCache:
    """Artefacts by key. Blocking: call it in a thread. A broken disk makes it forgetful, never wrong."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    def get(self, key: Digest) -> Artefacts | None:
        """None when it is not there, or damaged."""
        path = self._path(key)
        try:
            head, data = _split(path.read_bytes())
        except (OSError, ValueError):
            return None
        if sha256(data) != head:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return Job.from_bytes(data).files

    def put(self, key: Digest, artefacts: Artefacts) -> None:
        """Keep them, and drop the oldest beyond the limit."""
        data = Job("artefacts", "", {}, dict(artefacts)).to_bytes()
        if len(data) > self._limit_bytes:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd, name = tempfile.mkstemp(prefix=".new-", dir=self._folder)
            try:
                with os.fdopen(fd, "wb") as file:
                    file.write(sha256(data).encode() + b"\n" + data)
                Path(name).replace(self._path(key))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._drop_oldest()

    def _path(self, key: Digest) -> Path:
        return self._folder / key.removeprefix("sha256:")

    def _drop_oldest(self) -> None:
        found = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):  # another process may drop it first
                stat = path.stat()
                found.append((stat.st_mtime_ns, stat.st_size, path))
        kept = 0
        for _, size, path in sorted(found, reverse=True):
            kept += size
            if kept > self._limit_bytes:
                path.unlink(missing_ok=True)


def _split(raw: bytes) -> tuple[str, bytes]:
    head, newline, data = (
        raw[:_DIGEST_CHARS],
        raw[_DIGEST_CHARS : _DIGEST_CHARS + 1],
        raw[_DIGEST_CHARS + 1 :],
    )
    if newline != b"\n":
        raise ValueError("no digest in front")
    return head.decode("ascii"), data
