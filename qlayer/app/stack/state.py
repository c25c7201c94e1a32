"""What is known of a running stack, kept in ``data_dir/stack.json`` so that any later process can stop it.

The file is written before the first process is started and says then which mark the processes will carry; an
`up` that is killed at any point leaves enough behind for `down` to find everything.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from qlayer.app.proc import Process, alive, all_processes, boot_id, marked, read_process
from qlayer.app.stack.ports import StackPorts
from qlayer.errors import ConfigurationError, ConflictError
from qlayer.types.frozen import Frozen
from qlayer.types.ids import ModelId

STACK_ID_VARIABLE = "QL_STACK_ID"
"""Set in the environment of every process of a stack. Not ``QLAYER_...``: those are settings."""


class Supervisor(Frozen):
    """The process that owns the stack, named so that a reused process id is never mistaken for it."""

    pid: int
    started: int
    """Clock ticks since boot."""
    boot: str
    """The kernel's boot id: after a reboot nothing of this stack is left, whatever the numbers say."""

    @property
    def running(self) -> bool:
        return self.boot == boot_id() and alive(self.pid, self.started)

    def session_members(self) -> list[Process]:
        """Living processes of the session that the supervisor leads, or led before it died.

        The kernel does not give a session's number to another process while the session has members.
        """
        leader = read_process(self.pid)
        if self.boot != boot_id() or (leader is not None and leader.started != self.started):
            return []
        return [process for process in all_processes() if process.session == self.pid and not process.zombie]


class StackState(Frozen):
    """One stack on this machine."""

    schema_version: Literal[1] = 1
    id: str
    phase: Literal["starting", "up"]
    started_at: datetime
    host: str
    ports: StackPorts
    model: ModelId
    """The default model; the one served at `llm_url` unless that is somebody else's server."""
    llm_url: str
    """OpenAI-compatible base URL, ending in ``/v1``."""
    serves_llm: bool
    """False: `llm_url` names a server that is not part of the stack."""
    token_path: Path
    """File (0600) with the bearer token of Ray's dashboard and Jobs interface."""
    temp_dir: Path
    """Ray's session files; removed when the stack is stopped."""
    supervisor: Supervisor | None = None

    @property
    def url(self) -> str:
        """Base URL of the API."""
        return f"http://{self.host}:{self.ports.http}"

    @property
    def dashboard_url(self) -> str:
        """Ray's dashboard, which is the address for Ray Jobs too."""
        return f"http://{self.host}:{self.ports.dashboard}"

    @property
    def ray_address(self) -> str:
        return f"{self.host}:{self.ports.gcs}"

    @property
    def logs_dir(self) -> Path:
        return self.temp_dir / "session_latest" / "logs"

    @property
    def mark(self) -> str:
        """What `qlayer.app.proc.marked` finds the stack's processes by."""
        return f"{STACK_ID_VARIABLE}={self.id}"

    def processes(self) -> list[Process]:
        """Every living process of the stack: by its mark or by the supervisor's session.

        Some of Ray's processes write their title over their environment, so that only the session tells.
        """
        found = marked(self.mark)
        if self.supervisor is not None:
            found += self.supervisor.session_members()
        return list({process.pid: process for process in found}.values())


def state_path(data_dir: Path) -> Path:
    return data_dir / "stack.json"


def load_state(data_dir: Path) -> StackState | None:
    """The recorded stack, running or not; None when there is none."""
    path = state_path(data_dir)
    try:
        return StackState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ConfigurationError(
            f"{path} is not a stack description: {error.errors()[0]['msg']}",
            hint="another version or a hand wrote it; end that stack's processes, then remove it",
        ) from None


def save_state(data_dir: Path, state: StackState) -> None:
    """Write atomically: a reader sees the old state or the new one."""
    path = state_path(data_dir)
    descriptor, temporary = tempfile.mkstemp(dir=data_dir, prefix=".stack-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(state.model_dump_json(indent=2))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def forget_state(data_dir: Path) -> None:
    state_path(data_dir).unlink(missing_ok=True)


@contextmanager
def stack_lock(data_dir: Path) -> Iterator[None]:
    """Only one process starts or stops a stack at a time. The kernel frees the lock of a killed one.

    Raises `ConflictError` naming the process that holds it and its stack, `ConfigurationError` when the data
    directory cannot be written.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / "stack.lock").open("a+")
    except OSError as error:
        raise ConfigurationError(
            f"the data directory {data_dir} cannot be written: {error.strerror}"
        ) from error
    with file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except OSError:
            raise ConflictError(_busy(file.name, data_dir), hint="wait for it, or end that process") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _busy(lock: str, data_dir: Path) -> str:
    holder = Path(lock).read_text().strip() or "unknown"
    sentence = f"process {holder} is starting or stopping the stack in {data_dir}"
    with suppress(ConfigurationError):
        state = load_state(data_dir)
        if state is not None:
            sentence += f" ({state.url})"
    return sentence
