"""A docker daemon of the tests' own, on its own socket and folders, ended with the process that asked."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import process_tree
import pytest

START_TIMEOUT_S = 60.0


@cache
def _started() -> tuple[str, str]:
    """(address, "") or ("", why there is none)."""
    if os.geteuid() != 0:
        return "", "dockerd needs root"
    dockerd = shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if dockerd is None:
        return "", "no dockerd: install the package docker.io"
    setpriv = shutil.which("setpriv")
    folder = Path(tempfile.mkdtemp(prefix="qlayer-dockerd-"))
    path = folder / "docker.sock"
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            [
                # It goes with the tests even when they are killed.
                *((setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()),
                dockerd,
                "--bridge=none",
                "--iptables=false",
                "--ip-forward=false",
                "--ip-masq=false",
                f"--host=unix://{path}",
                f"--data-root={folder}/data",
                f"--exec-root={folder}/exec",
                f"--pidfile={folder}/pid",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    process_tree.shared.add(daemon.pid)
    atexit.register(_stop, daemon, folder)
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and daemon.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
                return f"unix://{path}", ""
            except OSError:
                time.sleep(0.1)
    last = (folder / "log").read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
    return "", f"dockerd does not start here: {last[0][:300]}"


def docker_host() -> str:
    """Its address; skips the test with the reason where none can be started."""
    pytest.importorskip("docker", reason="no docker client library: install the extra docker")
    address, why = _started()
    if not address:
        pytest.skip(why)
    return address


def _stop(daemon: subprocess.Popen[bytes], folder: Path) -> None:
    daemon.terminate()
    try:
        daemon.wait(30)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
    shutil.rmtree(folder, ignore_errors=True)
