"""What stops a stack before it starts, and what its parts are told; no Ray is started here."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import pytest
from pydantic import ValidationError

from qlayer.app.settings import Settings
from qlayer.app.stack import (
    EngineOptions,
    StackOptions,
    StackState,
    preflight,
    stack_status,
    start_stack,
    stop_stack,
)
from qlayer.app.stack.head import _environment, write_token
from qlayer.app.stack.ports import StackPorts
from qlayer.app.stack.serve import serve_config
from qlayer.app.stack.start import new_state
from qlayer.errors import ConfigurationError, NotFoundError, WeightsError

MODEL = "qwen2.5-coder-0.5b"
FAKE = StackOptions(engine=EngineOptions(engine="fake"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", model=MODEL, llm_api_key="sk-very-secret")


def described(settings: Settings) -> StackState:
    ports = StackPorts(**{name: number for number, name in enumerate(StackPorts.model_fields, start=20_000)})
    state = new_state(settings, ports, host="127.0.0.1")
    state.temp_dir.rmdir()
    return state


def test_without_a_stack_it_is_down_and_down_does_nothing(settings: Settings) -> None:
    assert stack_status(settings).health == "down"
    assert stop_stack(settings) is None


def test_ray_that_is_not_installed_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="Ray is not installed") as refused:
        start_stack(settings, FAKE)
    assert "qlayer[ray]" in (refused.value.hint or "")


def test_too_little_memory_is_said_with_both_numbers(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "available_memory_bytes", lambda meminfo: 700 * 1024 * 1024)
    with pytest.raises(
        ConfigurationError, match=r"700 MiB of memory are available; this stack needs 1600 MiB"
    ):
        start_stack(settings, FAKE)


def test_weights_that_were_not_pulled_are_said_with_the_command(settings: Settings) -> None:
    with pytest.raises(WeightsError) as refused:
        start_stack(settings)
    assert f"qlayer models pull {MODEL}" in (refused.value.hint or "")


def test_an_unknown_model_is_said(settings: Settings) -> None:
    with pytest.raises(NotFoundError):
        start_stack(settings.model_copy(update={"model": "no-such-model"}), FAKE)


def test_a_taken_port_is_refused_and_nothing_stays(settings: Settings) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"the http port {port} is taken"):
            start_stack(settings, FAKE.model_copy(update={"http_port": port}))
    assert stack_status(settings).health == "down"
    assert sorted(path.name for path in settings.data_dir.iterdir()) == ["stack.lock"]


@pytest.mark.parametrize(
    "wrong", [{"http_port": 0}, {"http_port": 65_536}, {"host": "0.0.0.0"}, {"api_replicas": 0}]
)
def test_options_have_limits(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        StackOptions.model_validate(wrong)


def test_memory_is_read_from_the_kernel() -> None:
    assert preflight.available_memory_bytes("MemTotal: 9 kB\nMemAvailable:   2048 kB\n") == 2048 * 1024
    assert preflight.available_memory_bytes("MemTotal: 9 kB\n") is None


def test_the_apps_get_settings_as_arguments_and_no_secret(settings: Settings) -> None:
    state = described(settings)
    config = serve_config(state, settings, FAKE.engine, api_replicas=2)
    api, llm = config["applications"]
    assert "sk-very-secret" not in json.dumps(config)
    assert (api["route_prefix"], llm["route_prefix"]) == ("/", "/llm")
    assert api["args"]["settings"]["llm_url"] == f"http://127.0.0.1:{state.ports.http}/llm/v1"
    assert Path(api["args"]["settings"]["data_dir"]).is_absolute()
    assert llm["args"]["engine"] == "fake"


def test_a_remote_model_is_not_served_again(settings: Settings) -> None:
    remote = settings.model_copy(update={"llm_url": "http://gpu.example/v1"})
    state = described(remote)
    config = serve_config(state, remote, FAKE.engine, api_replicas=1)
    assert [app["name"] for app in config["applications"]] == ["api"]
    assert config["applications"][0]["args"]["settings"]["llm_url"] == "http://gpu.example/v1"


def test_the_head_sees_nothing_of_the_callers_settings(settings: Settings) -> None:
    caller = {"QLAYER_MODEL": "other", "RAY_ADDRESS": "elsewhere:1", "PATH": "/bin", "PYTHONPATH": "/mine"}
    state = described(settings)
    seen = _environment(caller, state, "sk-very-secret")
    assert not {"QLAYER_MODEL", "RAY_ADDRESS"} & seen.keys()
    assert (seen["RAY_AUTH_MODE"], seen["RAY_USAGE_STATS_ENABLED"]) == ("token", "0")
    assert seen["PYTHONPATH"].endswith("/mine")
    assert seen["QLAYER_LLM_API_KEY"] == "sk-very-secret"


def test_the_token_is_the_owners_alone_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "token"
    write_token(path)
    first = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first) >= 32
    write_token(path)
    assert path.read_text() == first
