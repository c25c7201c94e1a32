"""Stopping exactly what `start_stack` started, and proving that nothing is left."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import httpx

from qlayer.app.proc import Process, alive, send
from qlayer.app.settings import Settings
from qlayer.app.stack.serve import ServeClient
from qlayer.app.stack.state import StackState, forget_state, load_state, stack_lock
from qlayer.errors import ConfigurationError

_SUPERVISOR_S = 20.0
"""Several times the supervisor's own grace."""
_KILL_S = 10.0


def stop_stack(
    settings: Settings, *, on_progress: Callable[[str], None] = lambda _: None
) -> StackState | None:
    """Stop the stack of this data directory; returns what was stopped, None when there was none.

    Never touches another Ray. Raises `ConflictError` while an `up` or another `down` is at work, and
    `ConfigurationError` naming the processes that could not be ended.
    """
    with stack_lock(settings.data_dir):
        state = load_state(settings.data_dir)
        if state is None:
            return None
        if state.phase == "up" and state.supervisor is not None and state.supervisor.running:
            on_progress("stopping the apps")
            with suppress(httpx.HTTPError, OSError), ServeClient(state) as serve:
                serve.shutdown()
        on_progress("stopping Ray")
        end_processes(state)
        forget_state(settings.data_dir)
        return state


def end_processes(state: StackState) -> None:
    """End every process of the stack, the supervisor first, and remove Ray's session files."""
    supervisor = state.supervisor
    if supervisor is not None and supervisor.running:
        send([Process(supervisor.pid, supervisor.started, 0, 0, False)], signal.SIGTERM)
        _wait(lambda: not alive(supervisor.pid, supervisor.started), _SUPERVISOR_S)
    if not _wait(lambda: not _kill(state), _KILL_S):
        left = ", ".join(str(process.pid) for process in state.processes())
        raise ConfigurationError(f"these processes of the stack could not be ended: {left}")
    shutil.rmtree(state.temp_dir, ignore_errors=True)


def _kill(state: StackState) -> list[Process]:
    left = state.processes()
    send(left, signal.SIGKILL)
    return left


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
