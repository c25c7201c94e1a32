"""Ports: what was asked for or a clear refusal; never one that is taken."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from qlayer.app.stack.ports import DEFAULT_HTTP_PORT, WORKER_PORTS, StackPorts, is_free, reserved_ports
from qlayer.errors import ConfigurationError

HOST = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        yield server.getsockname()[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def test_every_port_is_free_and_none_is_used_twice() -> None:
    with reserved_ports(HOST, http=None, dashboard=None) as ports:
        pass
    single = [getattr(ports, name) for name in StackPorts.model_fields if name != "first_worker"]
    workers = list(range(ports.first_worker, ports.last_worker + 1))
    assert len(workers) == WORKER_PORTS
    assert len({*single, *workers}) == len(single) + len(workers)
    assert all(is_free(HOST, port) for port in (*single, *workers))


def test_a_port_that_was_asked_for_is_used() -> None:
    http, dashboard = free_port(), free_port()
    with reserved_ports(HOST, http=http, dashboard=dashboard) as ports:
        assert (ports.http, ports.dashboard) == (http, dashboard)


@pytest.mark.parametrize("which", ["http", "dashboard"])
def test_a_taken_port_is_refused_by_name(taken: int, which: str) -> None:
    wanted = {"http": None, "dashboard": None, which: taken}
    with (
        pytest.raises(ConfigurationError, match=rf"the {which} port {taken} is taken on 127.0.0.1"),
        reserved_ports(HOST, **wanted),
    ):
        pass


def test_two_stacks_that_start_at_once_share_no_port() -> None:
    with (
        reserved_ports(HOST, http=None, dashboard=None) as one,
        reserved_ports(HOST, http=None, dashboard=None) as two,
    ):
        assert set(one.model_dump().values()).isdisjoint(two.model_dump().values())
        assert set(range(one.first_worker, one.last_worker + 1)).isdisjoint(
            range(two.first_worker, two.last_worker + 1)
        )
        with pytest.raises(ConfigurationError), reserved_ports(HOST, http=one.http, dashboard=None):
            pass
    with reserved_ports(HOST, http=one.http, dashboard=None) as again:
        assert again.http == one.http, "kept while it starts, not for ever"


def test_the_default_port_gives_way_when_nobody_asked_for_it(
    monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    monkeypatch.setattr("qlayer.app.stack.ports.DEFAULT_HTTP_PORT", taken)
    with reserved_ports(HOST, http=None, dashboard=None) as ports:
        assert ports.http not in (taken, DEFAULT_HTTP_PORT)


def test_no_room_for_the_block_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qlayer.app.stack.ports.is_free", lambda host, port: port % 50 != 0)
    nothing = pytest.raises(ConfigurationError, match="free ports in a row")
    with nothing, reserved_ports(HOST, http=None, dashboard=None):
        pass
