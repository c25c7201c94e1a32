"""Finding free TCP ports for everything a stack listens on.

All are taken below the kernel's ephemeral range, so that an outgoing connection cannot occupy one between the
moment it was found free and the moment its server binds it.
"""

from __future__ import annotations

import random
import socket

from pydantic import Field

from qlayer.errors import ConfigurationError
from qlayer.types.frozen import Frozen

DEFAULT_HTTP_PORT = 8420
WORKER_PORTS = 64
"""Ray gives each of its worker processes one port; a local stack starts about ten."""

_LOWEST, _HIGHEST = 20_000, 32_000
_ATTEMPTS = 400


class StackPorts(Frozen):
    """Every port of one stack. None is left for Ray to choose at random or by a fixed default."""

    http: int
    dashboard: int
    gcs: int
    node_manager: int
    object_manager: int
    runtime_env_agent: int
    agent_grpc: int
    agent_http: int
    metrics_export: int
    client: int
    dashboard_metrics: int
    autoscaler_metrics: int
    first_worker: int = Field(description="The first of a block of `WORKER_PORTS`.")

    @property
    def last_worker(self) -> int:
        return self.first_worker + WORKER_PORTS - 1


def choose_ports(host: str, *, http: int | None, dashboard: int | None) -> StackPorts:
    """Free ports for a new stack.

    A port that was asked for is used or refused with `ConfigurationError`. When nobody asked for an HTTP port
    it is `DEFAULT_HTTP_PORT` if that is free.
    """
    for name, port in (("HTTP", http), ("dashboard", dashboard)):
        if port is not None and not is_free(host, port):
            raise ConfigurationError(
                f"the {name} port {port} is taken on {host}",
                hint="give another port, or none to have a free one chosen",
            )
    if http is None and dashboard != DEFAULT_HTTP_PORT and is_free(host, DEFAULT_HTTP_PORT):
        http = DEFAULT_HTTP_PORT
    given = {"http": http, "dashboard": dashboard}
    chosen = {name: port for name, port in given.items() if port is not None}
    rest = [name for name in StackPorts.model_fields if name not in chosen]
    block = _free_block(host, len(rest) - 1 + WORKER_PORTS, avoid=set(chosen.values()))
    numbered = {name: block + offset for offset, name in enumerate(rest)}
    return StackPorts(**chosen, **numbered)


def is_free(host: str, port: int) -> bool:
    """True when a server could bind it now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT can be bound
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _free_block(host: str, size: int, *, avoid: set[int]) -> int:
    """The first of `size` free ports in a row; from a random place, so that two stacks rarely meet."""
    for _ in range(_ATTEMPTS):
        first = random.randrange(_LOWEST, _HIGHEST - size)
        block = range(first, first + size)
        if not avoid.intersection(block) and all(is_free(host, port) for port in block):
            return first
    raise ConfigurationError(
        f"no {size} free ports in a row between {_LOWEST} and {_HIGHEST} on {host}",
        hint="end servers that are not needed",
    )
