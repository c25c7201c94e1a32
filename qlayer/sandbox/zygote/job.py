"""A job as bytes in a descriptor. Host and child are the same interpreter: `marshal` is read the quickest."""

from __future__ import annotations

import marshal
import os
from typing import Any, NamedTuple


class Job(NamedTuple):
    """What a child is to do. Never holds an expected value."""

    driver: str
    """call, asgi, program, pytest, split or exec; for a tester split or exec."""
    nonce: str
    body: dict[str, Any]
    """The driver's own fields."""
    files: dict[str, bytes]

    def to_bytes(self) -> bytes:
        return marshal.dumps((self.driver, self.nonce, self.body, self.files))

    @classmethod
    def from_bytes(cls, data: bytes) -> Job:
        """Of bytes that the host wrote, nobody else."""
        return cls(*marshal.loads(data))

    @classmethod
    def read(cls, fd: int) -> Job:
        """From a descriptor of a whole file in memory."""
        data = os.pread(fd, size := os.lseek(fd, 0, os.SEEK_END), 0)
        while len(data) < size:
            data += os.pread(fd, size - len(data), len(data))
        return cls.from_bytes(data)

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
