"""What a scanner is, and the rules that hold for all of them.

A scanner sees a copy of the tree on the disk and answers findings. It runs nothing of the project, obeys no
configuration and no ``ignore`` comment that the project brings where the tool allows to say so, and never
shows a secret that it found.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qlayer.errors import QlayerError
from qlayer.types.finding import Finding, Severity
from qlayer.types.ids import Digest
from qlayer.types.source import SourceTree, TreePath

TIMEOUT_S = 120.0
MAX_OUTPUT_BYTES = 32 * 1024 * 1024
INSTALL = "pip install 'qlayer[scan]'"
NOT_SCANNED = "not-scanned"
"""The rule of a finding that says that something was not looked at. No suppression takes it away."""


class ScannerBroken(QlayerError):
    """A tool failed on its own account, or is not there; the message says how.

    `severity` is what it means for the project that this tool did not look at it.
    """

    def __init__(self, message: str, *, hint: str | None = None, severity: Severity = Severity.HIGH) -> None:
        super().__init__(message, hint=hint)
        self.severity = severity


@dataclass(frozen=True)
class Project:
    """A tree, and where it lies on the disk while it is scanned."""

    tree: SourceTree
    folder: Path
    paths: tuple[TreePath, ...]
    """The files that the scanner wants."""

    def placed(self, path: str) -> TreePath:
        """A tool's path as the tree's. Raises ValueError for one that is not a file of the tree."""
        place = os.path.relpath(self.folder / path, self.folder)
        if place not in self.tree:
            raise ValueError(f"{path!r} is no file of the project")
        return place


class Scanner(Protocol):
    """One tool."""

    @property
    def name(self) -> str: ...

    def version(self) -> str | None:
        """Exact enough that the same version gives the same answer; None when it is not installed."""
        ...

    def rules(self) -> Digest:
        """Of all that decides beside the tool and the files: rules, options, data that it matches."""
        ...

    def wants(self, path: TreePath) -> bool: ...

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        """Raises `ScannerBroken`."""
        ...


def program(name: str) -> Path | None:
    """A tool of this environment, or of the PATH's usual places."""
    places = (Path(sys.executable).parent, *(Path(place) for place in ("/usr/local/bin", "/usr/bin")))
    return next((place / name for place in places if os.access(place / name, os.X_OK)), None)


def unread(tool: str, path: TreePath, why: str, severity: Severity = Severity.HIGH) -> Finding:
    """That a scanner could not look at something; silence would be taken for an all-clear."""
    return Finding(tool=tool, rule=NOT_SCANNED, severity=severity, message=why, path=path)


async def answer_of(
    command: Sequence[str | Path], folder: Path, *, fine: tuple[int, ...] = (0, 1), stdin: bytes = b""
) -> bytes:
    """A tool's standard output. Raises `ScannerBroken` for another status, too much output or no end.

    The tool sees an environment without anything of ours.
    """
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
    name = Path(command[0]).name
    # From a file: uvloop, which Ray Serve runs on, cannot write to a pipe that a quick tool has left already.
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            cwd=folder,
            env=environment,
            stdin=given,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            out, complaint = await process.communicate()
    except TimeoutError:
        raise ScannerBroken(f"{name} did not end within {TIMEOUT_S:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode not in fine:
        told = complaint.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise ScannerBroken(f"{name} ended with {process.returncode}: {told[0][:300]}")
    if len(out) > MAX_OUTPUT_BYTES:
        raise ScannerBroken(f"{name} said more than {MAX_OUTPUT_BYTES} bytes")
    return out
