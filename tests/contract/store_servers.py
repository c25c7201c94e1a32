"""Real servers for the stores' contract suites: on loopback, on free ports, ended by their own pid."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

START_S = 120
"""How long a server may take to start, on a machine much slower than usual."""
PASSWORD = "-".join(["only", "for", "loopback"])


class SteppedClock:
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True)
class S3Server:
    endpoint_url: str
    bucket: str


@dataclass(frozen=True)
class PostgresServer:
    port: int
    programs: Path

    def new_database(self) -> str:
        """The URL of a database of its own, empty."""
        name = f"t{time.monotonic_ns()}"
        command = [
            str(self.programs / "createdb"),
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            "suite",
            name,
        ]
        subprocess.run(
            command, check=True, capture_output=True, env={"PGPASSWORD": PASSWORD}, timeout=START_S
        )
        return f"postgresql+asyncpg://suite:{PASSWORD}@127.0.0.1:{self.port}/{name}"


def find_weed() -> str | None:
    return shutil.which("weed", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")


def find_initdb() -> str | None:
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))  # where Debian puts it, not on the PATH
    return str(homes[-1]) if homes else shutil.which("initdb")


@contextmanager
def seaweedfs(weed: str, access_key: str) -> Iterator[S3Server]:
    import s3fs

    with tempfile.TemporaryDirectory(prefix="qlayer-s3-") as name:
        identity = {
            "name": "suite",
            "credentials": [{"accessKey": access_key, "secretKey": PASSWORD}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        config = Path(name) / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        ports = free_ports(8)
        command = [weed, "server", "-dir", name, "-ip", "127.0.0.1", "-ip.bind", "127.0.0.1", "-filer", "-s3"]
        for part, port, grpc in zip(("master", "volume", "filer", "s3"), ports[:4], ports[4:], strict=True):
            command += [f"-{part}.port", str(port), f"-{part}.port.grpc", str(grpc)]
        command += ["-s3.config", str(config), "-s3.port.iceberg", "0", "-s3.port.lance", "0"]
        command += ["-s3.allowDeleteBucketNotEmpty=false", "-s3.autoCreateBucket=false"]
        command += ["-volume.max", "0", "-master.volumeSizeLimitMB", "64", "-master.telemetry=false"]
        server = S3Server(endpoint_url=f"http://127.0.0.1:{ports[3]}", bucket="suite")
        client = s3fs.S3FileSystem(endpoint_url=server.endpoint_url, skip_instance_cache=True)

        def ready() -> bool:
            if not _listens(ports[3]):
                return False
            try:
                if not client.exists(server.bucket):
                    client.mkdir(server.bucket)
                client.pipe_file(f"{server.bucket}/ready", b"yes")
            except OSError:
                return False
            return True

        with running(command, Path(name), ready, stop=signal.SIGKILL):  # a polite stop waits for idle clients
            yield server


@contextmanager
def postgres(initdb: str) -> Iterator[PostgresServer]:
    """A fresh cluster. It refuses to run as root; another user then owns it, in a folder they may enter."""
    user = _unprivileged_user() if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="qlayer-pg-"))
    (port,) = free_ports(1)
    try:
        password = folder / "password"
        password.write_text(PASSWORD)
        if user is not None:
            for path in (folder, password):
                os.chown(path, pwd.getpwnam(user).pw_uid, -1)
        data = ["-D", str(folder / "data")]
        options = ["-U", "suite", "-A", "scram-sha-256", "--pwfile", str(password), "--no-sync"]
        subprocess.run(
            [initdb, *data, *options], cwd=folder, check=True, capture_output=True, user=user, timeout=START_S
        )
        programs = Path(initdb).parent
        command = [
            str(programs / "postgres"),
            *data,
            "-p",
            str(port),
            "-k",
            str(folder),
            "-c",
            "listen_addresses=127.0.0.1",
        ]
        probe = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]

        def ready() -> bool:
            return subprocess.run(probe, check=False, capture_output=True).returncode == 0

        with running(command, folder, ready, stop=signal.SIGQUIT, user=user):
            yield PostgresServer(port=port, programs=programs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _unprivileged_user() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


@contextmanager
def running(
    command: list[str],
    folder: Path,
    ready: Callable[[], bool],
    *,
    stop: signal.Signals,
    user: str | None = None,
) -> Iterator[None]:
    log = folder / "server.log"
    groups: list[int] | None = None if user is None else []
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, user=user, extra_groups=groups
        )
        try:
            deadline = time.monotonic() + START_S
            while not ready():
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"{command[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}"
                    )
                time.sleep(0.1)
            yield
        finally:
            server.send_signal(stop)
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
