"""A machine of its own for each test: an empty data folder, no stack, and a platform with fakes if asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from qlayer.app.build import Platform, open_platform
from qlayer.app.settings import Settings
from qlayer.cli import local
from qlayer.cli.main import app
from qlayer.llm.fake import FakeLLM, FakeLLMConfig, Script
from qlayer.sandbox.fake import FakeSandbox
from qlayer.types.ids import ModelId

MODEL = ModelId("qwen2.5-coder-0.5b")

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("QLAYER_DATA_DIR", str(data))
    monkeypatch.setenv("QLAYER_MODEL", MODEL)
    monkeypatch.setenv("QLAYER_DELIVERY", "false")  # scanning its files takes longer than these runs
    for name in ("QLAYER_CONFIG", "QLAYER_LLM_URL", "QLAYER_WEIGHTS_DIR", "QLAYER_MODELS_DIR"):
        monkeypatch.delenv(name, raising=False)
    return data


@pytest.fixture
def qlayer() -> Run:
    """Runs a command line in this process."""
    runner = CliRunner()

    def run(*args: str, stdin: str | bytes | None = None) -> Result:
        return runner.invoke(app, list(args), input=stdin, catch_exceptions=False)

    return run


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeLLM]:
    """Puts a fake model and a fake sandbox into the platform that commands open."""

    def install(script: Script, sandbox: FakeSandbox | None = None, token_s: float = 0.0) -> FakeLLM:
        llm = FakeLLM(script, FakeLLMConfig(model=MODEL, token_s=token_s))

        @asynccontextmanager
        async def open_with_fakes(settings: Settings) -> AsyncIterator[Platform]:
            async with (
                sandbox or FakeSandbox() as judge,
                open_platform(settings, llm=llm, sandbox=judge) as platform,
            ):
                yield platform

        monkeypatch.setattr(local, "open_platform", open_with_fakes)
        return llm

    return install
