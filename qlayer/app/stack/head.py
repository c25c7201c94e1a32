"""Starting Ray's head node as a child of our own supervisor.

``ray start --head --block`` runs below `qlayer.app.supervisor`, in a session of its own, with every port
given, its files in a folder of its own and token authentication on. It binds to loopback and sends no
statistics.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import qlayer
from qlayer.app.proc import boot_id, read_process
from qlayer.app.stack.state import STACK_ID_VARIABLE, StackState, Supervisor
from qlayer.errors import ConfigurationError

_SCRIPT = "from ray.scripts.scripts import main; main()"
"""The `ray` command without relying on where its launcher script lies."""
_DROPPED = ("RAY_", "QLAYER_", "SERVE_")
"""Prefixes of variables that must not leak in from the caller: replicas get their settings as arguments."""


def start_head(
    state: StackState, *, cpus: int, object_store_bytes: int, llm_api_key: str | None
) -> Supervisor:
    """Spawn the supervisor with the head below it. Returns at once; the head needs seconds to answer."""
    environment = _environment(os.environ, state, llm_api_key)
    command = [sys.executable, "-P", "-m", "qlayer.app.supervisor"]
    head = [sys.executable, "-P", "-c", _SCRIPT, *_arguments(state, cpus, object_store_bytes)]
    with (state.temp_dir / "head.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, *head],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=state.temp_dir,
            env=environment,
            start_new_session=True,
        )
    process.returncode = 0  # it outlives us: nobody here waits for it, and Popen need not warn of that
    seen = read_process(process.pid)
    if seen is None:
        raise ConfigurationError("the stack's supervisor ended at once", hint=f"see {log.name}")
    return Supervisor(pid=seen.pid, started=seen.started, boot=boot_id())


def write_token(path: Path) -> None:
    """A fresh token, readable by the owner only, unless there is one already."""
    if path.exists():
        return
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    temporary.replace(path)


def _arguments(state: StackState, cpus: int, object_store_bytes: int) -> list[str]:
    ports = state.ports
    given = {
        "node-ip-address": state.host,
        "port": ports.gcs,
        "node-manager-port": ports.node_manager,
        "object-manager-port": ports.object_manager,
        "runtime-env-agent-port": ports.runtime_env_agent,
        "dashboard-agent-grpc-port": ports.agent_grpc,
        "dashboard-agent-listen-port": ports.agent_http,
        "metrics-export-port": ports.metrics_export,
        "ray-client-server-port": ports.client,
        "min-worker-port": ports.first_worker,
        "max-worker-port": ports.last_worker,
        "include-dashboard": "true",
        "dashboard-host": state.host,
        "dashboard-port": ports.dashboard,
        "num-cpus": cpus,
        "object-store-memory": object_store_bytes,
        "temp-dir": state.temp_dir,
    }
    return ["start", "--head", "--block", "--disable-usage-stats", *(f"--{k}={v}" for k, v in given.items())]


def _environment(base: Mapping[str, str], state: StackState, llm_api_key: str | None) -> dict[str, str]:
    kept = {name: value for name, value in base.items() if not name.startswith(_DROPPED)}
    source_root = str(Path(qlayer.__file__).resolve().parent.parent)
    kept |= {
        STACK_ID_VARIABLE: state.id,
        "PYTHONPATH": os.pathsep.join(filter(None, (source_root, base.get("PYTHONPATH")))),
        "NO_PROXY": ",".join(filter(None, (state.host, "localhost", base.get("NO_PROXY")))),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(state.token_path),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Misnamed: at 0, on any system, Ray keeps 127.0.0.1 and binds to loopback; else it takes the host's
        # outward address and listens to the network.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        # Ray runs workers at nice 15. llama.cpp's threads wait for each other spinning: one that is kept off
        # its core by any other process stops them all (4 tokens/s instead of 15, seen on two busy cores).
        "RAY_worker_niceness": "0",
        "DASHBOARD_METRIC_PORT": str(state.ports.dashboard_metrics),
        "AUTOSCALER_METRIC_PORT": str(state.ports.autoscaler_metrics),
    }
    if llm_api_key is not None:
        kept["QLAYER_LLM_API_KEY"] = llm_api_key  # not an argument: those can be read in the dashboard
    return kept
