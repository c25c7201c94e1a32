"""A job as bytes in a descriptor: one line of JSON, then the files' contents one after the other."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

_CHUNK = 1 << 20


class Job(NamedTuple):
    """What a child is to do. Never holds an expected value."""

    driver: str
    """call, asgi, program, pytest or split; for a tester also split."""
    nonce: str
    body: dict[str, Any]
    """The driver's own fields."""
    files: dict[str, bytes]

    def to_bytes(self) -> bytes:
        sizes = [[path, len(data)] for path, data in self.files.items()]
        head = json.dumps([self.driver, self.nonce, self.body, sizes], separators=(",", ":"))
        return b"".join([head.encode(), b"\n", *self.files.values()])

    @classmethod
    def from_bytes(cls, data: bytes) -> Job:
        head, _, blob = data.partition(b"\n")
        driver, nonce, body, sizes = json.loads(head)
        files, at = {}, 0
        for path, size in sizes:
            files[path] = blob[at : at + size]
            at += size
        return cls(driver, nonce, body, files)

    @classmethod
    def read(cls, fd: int) -> Job:
        """From the start of a descriptor that can be read at an offset."""
        chunks: list[bytes] = []
        at = 0
        while chunk := os.pread(fd, _CHUNK, at):
            chunks.append(chunk)
            at += len(chunk)
        return cls.from_bytes(b"".join(chunks))

    def unpack(self, folder: str) -> None:
        """Write the files and make the folder the working directory."""
        os.mkdir(folder, 0o755)
        made = {folder}
        for path, data in self.files.items():
            target = f"{folder}/{path}"
            parent = os.path.dirname(target)
            if parent not in made:
                os.makedirs(parent, 0o755, exist_ok=True)
                made.add(parent)
            fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            os.close(fd)
        os.chdir(folder)
