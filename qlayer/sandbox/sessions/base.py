"""The interface of sessions: a host opens them, a session executes and keeps files, all end by themselves.

`Session.fork` copies files, never an interpreter: the copy starts a fresh one. Python's state cannot be moved
into other namespaces, and a fork that stayed in the same ones would share files and processes with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal, Protocol

from pydantic import Field

from qlayer.sandbox.base import MiB
from qlayer.types.check import ErrorInfo
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Tier


class SessionLimits(Frozen):
    """How much one session may use. Wall, CPU and idle time end it; output beyond its limit is dropped."""

    exec_wall_s: float = Field(default=60.0, gt=0, le=3_600)
    """Of one execution, which is then interrupted; the session goes on if the code lets itself be stopped."""
    cpu_s: float = Field(default=300.0, gt=0, le=86_400)
    """Of the interpreter in its whole life, and of each other process."""
    memory_bytes: int = Field(default=512 * MiB, ge=16 * MiB)
    """Of all its processes together, files included."""
    processes: int = Field(default=64, ge=1, le=4_096)
    output_bytes: int = Field(default=1 * MiB, ge=0)
    """Of one execution, stdout and stderr together."""
    disk_bytes: int = Field(default=64 * MiB, ge=0)
    open_files: int = Field(default=256, ge=16)
    idle_s: float = Field(default=600.0, gt=0, le=86_400)
    """Without any request."""
    lifetime_s: float = Field(default=3_600.0, gt=0, le=86_400)


class SessionSpec(Frozen):
    """A session to be opened."""

    tree: SourceTree = SourceTree()
    """Files that lie in the working directory from the start."""
    limits: SessionLimits = SessionLimits()


class PythonSource(Frozen):
    """Executed in the session's interpreter, which keeps its names. A last expression's value is shown."""

    kind: Literal["python"] = "python"
    source: str = Field(max_length=128 * 1024)
    wall_s: float | None = Field(default=None, gt=0)
    """Shorter than the session's own limit."""


class ShellCommand(Frozen):
    """Executed by ``/bin/sh -c``, in a process of its own."""

    kind: Literal["shell"] = "shell"
    command: str = Field(max_length=128 * 1024)
    wall_s: float | None = Field(default=None, gt=0)


Execution = Annotated[PythonSource | ShellCommand, Field(discriminator="kind")]


class Chunk(Frozen):
    """Output as it came."""

    stream: Literal["stdout", "stderr"]
    data: bytes


class Ended(Frozen):
    """The last event of every execution."""

    status: int
    """Exit status; for Python 0, or 1 after an exception."""
    error: ErrorInfo | None = None
    """What Python raised."""
    timed_out: bool = False
    truncated: bool = False
    """It wrote more than `output_bytes`; the rest was dropped."""
    wall_s: float = 0.0


ExecEvent = Chunk | Ended


class FileEntry(Frozen):
    """Something in the working directory."""

    path: str
    kind: Literal["file", "folder", "link", "other"]
    bytes: int = 0
    mode: int = 0o644


class SessionInfo(Frozen):
    """A session that is alive."""

    id: str
    parent: str | None = None
    """The session that it was forked from."""
    tier: Tier
    created_at: float
    """Seconds since the epoch."""
    expires_in_s: float
    """If nothing is asked of it any more."""
    busy: bool = False
    limits: SessionLimits


class Session(Protocol):
    """One session. Every method raises `SessionGone` with the reason once it has ended."""

    @property
    def info(self) -> SessionInfo: ...

    def execute(self, execution: Execution) -> AsyncIterator[ExecEvent]:
        """Output as it comes, then one `Ended`. One at a time: `ConflictError` while another is going on.

        It goes on when the iterator is left early; its output is dropped then.
        """
        ...

    async def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Make or replace a file below the working directory. Raises `InputError`."""
        ...

    async def read(self, path: str) -> bytes:
        """A regular file; links are not followed. Raises `NotFoundError`, `InputError`."""
        ...

    async def files(self) -> tuple[FileEntry, ...]:
        """All of the working directory, by path. Raises `InputError` when there are too many."""
        ...

    async def fork(self) -> Session:
        """Another session with copies of the files, and a fresh interpreter. Raises `SessionsFull`."""
        ...

    async def close(self) -> None:
        """Kill everything inside. No error when it has ended."""
        ...


class SessionHost(Protocol):
    """Opens sessions and knows those alive; leaving it, or the death of its process, ends them all."""

    async def open(self, spec: SessionSpec | None = None) -> Session:
        """Raises `SessionsFull`, `TierUnavailable`, `SandboxError`."""
        ...

    def get(self, session_id: str) -> Session:
        """Raises `SessionGone` for one that has ended, `NotFoundError` for one that never was."""
        ...

    def list(self) -> tuple[SessionInfo, ...]:
        """Those alive, oldest first."""
        ...

    async def __aenter__(self) -> SessionHost: ...

    async def __aexit__(self, *exc: object) -> None: ...
