"""Bringing a stack up, step by step, and taking it down again when a step fails."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import httpx
from pydantic import Field

from qlayer.app.settings import Settings
from qlayer.app.stack.head import start_head, write_token
from qlayer.app.stack.logs import TAIL_CHARS, keep_logs, log_tail
from qlayer.app.stack.ports import StackPorts, reserved_ports
from qlayer.app.stack.preflight import MiB, check_host
from qlayer.app.stack.serve import (
    API_APP,
    LLM_APP,
    LLM_PREFIX,
    AppStatus,
    EngineOptions,
    ServeClient,
    serve_config,
)
from qlayer.app.stack.state import StackState, forget_state, load_state, save_state, stack_lock
from qlayer.app.stack.stop import end_processes
from qlayer.errors import ConfigurationError, ConflictError
from qlayer.types.frozen import Frozen

_TEMP_DIR_LIMIT = 24
"""Ray appends up to 80 characters for its sockets and the kernel allows 107."""

Progress = Callable[[str], None]


class StackOptions(Frozen):
    """How to start; what to serve is in `Settings`."""

    http_port: int | None = Field(default=None, ge=1, le=65_535)
    """None: 8420 if free, else any free one. A port that is given is used or refused."""
    dashboard_port: int | None = Field(default=None, ge=1, le=65_535)
    host: Literal["127.0.0.1"] = "127.0.0.1"
    """Loopback only: the API of a local stack has no authentication."""
    engine: EngineOptions = EngineOptions()
    api_replicas: int = Field(default=1, ge=1, le=8)
    object_store_bytes: int = Field(default=128 * MiB, ge=80 * MiB)
    """Trees travel by digest, so Ray's own store stays nearly empty."""
    timeout_s: float = Field(default=300.0, gt=0)
    """For Ray, the apps and the loading of the model together."""


def start_stack(
    settings: Settings, options: StackOptions | None = None, *, on_progress: Progress = lambda _: None
) -> StackState:
    """Start Ray and both apps and wait until they answer. Whatever fails, nothing stays behind.

    Raises what `check_host` raises, `ConflictError` when a stack of this data directory is up or just being
    started, and `ConfigurationError` when a port is taken or a part does not come up.
    """
    options = options or StackOptions()
    with stack_lock(settings.data_dir):
        _make_way(settings, on_progress)
        check_host(settings, options.engine)
        with reserved_ports(options.host, http=options.http_port, dashboard=options.dashboard_port) as ports:
            state = new_state(settings, ports, host=options.host)
            save_state(settings.data_dir, state)
            try:
                return _bring_up(state, settings, options, on_progress)
            except BaseException:  # an interrupted start leaves nothing behind either
                keep_logs(state, settings.data_dir)
                end_processes(load_state(settings.data_dir) or state)
                forget_state(settings.data_dir)
                raise


def _make_way(settings: Settings, on_progress: Progress) -> None:
    """Refuse when a stack is up; clean up after one that died or whose start was killed."""
    old = load_state(settings.data_dir)
    if old is None:
        return
    if old.phase == "up" and old.supervisor is not None and old.supervisor.running:
        raise ConflictError(
            f"a stack is already up at {old.url} (data in {settings.data_dir})",
            hint="`qlayer status` shows it, `qlayer down` stops it",
        )
    on_progress("cleaning up after a stack that ended badly")
    end_processes(old)
    forget_state(settings.data_dir)


def new_state(settings: Settings, ports: StackPorts, *, host: str) -> StackState:
    """The description of a stack that is about to be started, with a fresh folder for Ray's session."""
    own_llm = f"http://{host}:{ports.http}{LLM_PREFIX}/v1"
    return StackState(
        id=os.urandom(8).hex(),
        phase="starting",
        started_at=datetime.now(UTC),
        host=host,
        ports=ports,
        model=settings.model,
        llm_url=(settings.llm_url or own_llm) if settings.uses_remote_llm else own_llm,
        serves_llm=not settings.uses_remote_llm,
        token_path=(settings.data_dir / "ray_token").resolve(),
        temp_dir=_temp_dir(),
    )


def _temp_dir() -> Path:
    base = tempfile.gettempdir()
    if len(base) > _TEMP_DIR_LIMIT - len("/ql-12345678"):
        base = "/tmp"
    return Path(tempfile.mkdtemp(prefix="ql-", dir=base))


def _bring_up(
    state: StackState, settings: Settings, options: StackOptions, on_progress: Progress
) -> StackState:
    deadline = time.monotonic() + options.timeout_s
    write_token(state.token_path)
    on_progress("starting Ray")
    supervisor = start_head(
        state,
        cpus=_logical_cpus(settings),
        object_store_bytes=options.object_store_bytes,
        llm_api_key=settings.llm_api_key,
    )
    state = state.model_copy(update={"supervisor": supervisor})
    save_state(settings.data_dir, state)
    with ServeClient(state) as serve:
        for _ in _until(deadline, state, "Ray did not come up"):
            if serve.answers():
                break
        on_progress("starting the apps")
        serve.deploy(serve_config(state, settings, options.engine, options.api_replicas))
        _await_apps(serve, state, deadline, on_progress)
    _await_ready(state, deadline, on_progress)
    state = state.model_copy(update={"phase": "up"})
    save_state(settings.data_dir, state)
    on_progress(f"ready at {state.url}")
    return state


def _logical_cpus(settings: Settings) -> int:
    """CPUs that Ray may hand out: the model's threads, one for the API replica and one for a batch job.

    Ray's CPUs are tickets for admission, not a cgroup. The API replica and a job mostly wait for the model
    and the sandbox, so on two cores four tickets keep both apps and a job schedulable beside each other,
    where two would leave the job waiting for ever.
    """
    return max(len(os.sched_getaffinity(0)), settings.llm_threads) + 2


def _await_apps(serve: ServeClient, state: StackState, deadline: float, on_progress: Progress) -> None:
    names = (API_APP, LLM_APP) if state.serves_llm else (API_APP,)
    told: dict[str, str] = {}
    for _ in _until(deadline, state, "the apps did not come up"):
        try:
            apps = serve.apps()
        except httpx.TransportError:  # the dashboard of a busy machine; the time limit decides
            continue
        found = [apps.get(name, AppStatus(name=name, status="MISSING")) for name in names]
        for app in found:
            if told.get(app.name) != app.status:
                told[app.name] = app.status
                on_progress(f"app {app.name}: {app.status.lower()}")
            if app.failed:
                raise ConfigurationError(
                    f"the app {app.name} did not start: {app.message[-TAIL_CHARS:]}",
                    hint=f"more in {state.logs_dir}",
                )
        if all(app.running for app in found):
            return


def _await_ready(state: StackState, deadline: float, on_progress: Progress) -> None:
    """Until the API says over HTTP that all it needs is there."""
    last = ""
    for _ in _until(deadline, state, "the API did not become ready"):
        try:
            response = httpx.get(f"{state.url}/readyz", timeout=10, trust_env=False)
        except httpx.TransportError:
            continue
        if response.is_success:
            return
        if response.text != last:
            last = response.text
            on_progress(f"waiting for: {last[:200]}")


def _until(deadline: float, state: StackState, what: str) -> Iterator[None]:
    """Come round every quarter second; raise when Ray has ended or the time is over."""
    while True:
        if state.supervisor is not None and not state.supervisor.running:
            raise ConfigurationError(f"Ray ended while starting. Its last words:\n{log_tail(state)}")
        if time.monotonic() > deadline:
            raise ConfigurationError(f"{what} in time. The last words of its log:\n{log_tail(state)}")
        yield
        time.sleep(0.25)
