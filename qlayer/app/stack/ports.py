"""Finding free TCP ports for everything a stack listens on.

All are taken below the kernel's ephemeral range, so that an outgoing connection cannot occupy one between the
moment it was found free and the moment its server binds it.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from pydantic import Field

from qlayer.errors import ConfigurationError
from qlayer.types.frozen import Frozen

DEFAULT_HTTP_PORT = 8420
WORKER_PORTS = 64
"""Ray gives each of its worker processes one port; a local stack starts about ten."""

_BLOCK = 100
_BLOCKS = range(20_000, 32_000, _BLOCK)


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


@contextmanager
def reserved_ports(host: str, *, http: int | None, dashboard: int | None) -> Iterator[StackPorts]:
    """Free ports for a new stack, kept from other stacks while the context is open.

    A port that was asked for is used or refused with `ConfigurationError`. When nobody asked for an HTTP port
    it is `DEFAULT_HTTP_PORT` if that is free.

    Keeping them matters: Ray's HTTP proxy shares its port with whoever else shares it (SO_REUSEPORT), so of
    two stacks that found 8420 free in the same seconds both would get it, and half of each other's requests.
    """
    with ExitStack() as held:
        chosen: dict[str, int] = {}
        for name, port in (("http", http), ("dashboard", dashboard)):
            if port is None:
                continue
            if not _take(host, [port], held):
                raise ConfigurationError(
                    f"the {name} port {port} is taken on {host}",
                    hint="give another port, or none to have a free one chosen",
                )
            chosen[name] = port
        if http is None and dashboard != DEFAULT_HTTP_PORT and _take(host, [DEFAULT_HTTP_PORT], held):
            chosen["http"] = DEFAULT_HTTP_PORT
        rest = [name for name in StackPorts.model_fields if name not in chosen]
        first = _take_block(host, len(rest) - 1 + WORKER_PORTS, held, avoid=set(chosen.values()))
        yield StackPorts(**chosen, **{name: first + offset for offset, name in enumerate(rest)})


def is_free(host: str, port: int) -> bool:
    """True when a server could bind it now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT can be bound
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _take_block(host: str, size: int, held: ExitStack, *, avoid: set[int]) -> int:
    """The first of `size` free ports in a row."""
    for first in random.sample(_BLOCKS, len(_BLOCKS)):
        block = range(first, first + size)
        if not avoid.intersection(block) and _take(host, block, held):
            return first
    raise ConfigurationError(
        f"no {size} free ports in a row between {_BLOCKS.start} and {_BLOCKS.stop} on {host}",
        hint="end servers that are not needed",
    )


def _take(host: str, ports: Sequence[int], held: ExitStack) -> bool:
    """Keep these ports, by the name of the first, from others who ask like this; False when they are taken.

    The mark is an abstract socket: exclusive, in the ports' own network namespace, gone with its process.
    """
    mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        mark.bind(f"\0qlayer-port-{ports[0]}")
    except OSError:
        mark.close()
        return False
    if not all(is_free(host, port) for port in ports):
        mark.close()
        return False
    held.enter_context(mark)
    return True
