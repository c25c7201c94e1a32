"""Ray Serve for end-to-end tests: one for a module, on free ports of loopback, ended by its own process."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
STOP_S = 120


@dataclass(frozen=True)
class ServeHost:
    """A running Ray Serve."""

    http_port: int
    metrics_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def metrics_url(self) -> str:
        return f"http://127.0.0.1:{self.metrics_port}/metrics"


@dataclass(frozen=True)
class ServeApp:
    """One application, as Serve's configuration names its parts."""

    name: str
    route_prefix: str
    import_path: str
    args: dict[str, Any]


StartServe = Callable[..., ServeHost]


@pytest.fixture(scope="module")
def start_serve() -> Iterator[StartServe]:
    """``start_serve(app, ..., num_cpus=2)``: a Ray with these applications, for the rest of the module."""
    pytest.importorskip("ray", reason="needs the extra: ray")
    with ExitStack() as stack:
        yield lambda *apps, num_cpus=2: stack.enter_context(_serving(apps, num_cpus))


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def _serving(apps: tuple[ServeApp, ...], num_cpus: int) -> Iterator[ServeHost]:
    temp_dir = tempfile.mkdtemp(prefix="qr-", dir="/tmp")  # short: Ray's socket paths have 107 characters
    http_port, metrics_port = free_ports(2)
    plan = {
        "temp_dir": temp_dir,
        "http_port": http_port,
        "metrics_port": metrics_port,
        "num_cpus": num_cpus,
        "apps": [vars(app) for app in apps],
    }
    log = Path(temp_dir) / "host.log"
    with log.open("wb") as output:
        host = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("serve_host.py")), json.dumps(plan)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env=_environment(),
            cwd=temp_dir,
            start_new_session=True,
        )
    try:
        assert host.stdout is not None
        said = host.stdout.readline()
        assert said == b"READY\n", f"Serve did not come up:\n{log.read_text()[-4_000:]}"
        yield ServeHost(http_port=http_port, metrics_port=metrics_port)
    finally:
        _end(host)
        shutil.rmtree(temp_dir, ignore_errors=True)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "QLAYER_"))}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # keeps Ray on loopback
    }


def _end(host: subprocess.Popen[bytes]) -> None:
    """Let it end by itself; then end what is left of its session, which holds nothing that is not its own."""
    assert host.stdin is not None
    assert host.stdout is not None
    host.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        host.wait(timeout=STOP_S)
    with suppress(ProcessLookupError):
        os.killpg(host.pid, signal.SIGKILL)
    host.wait(timeout=STOP_S)
    host.stdout.close()
