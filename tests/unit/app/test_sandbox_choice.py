"""Which sandbox the settings choose, and what is refused instead of being replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlayer.app.build import build_sandbox
from qlayer.app.settings import load_settings
from qlayer.errors import ConfigurationError, TierUnavailable
from qlayer.sandbox.config import DockerConfig, GvisorConfig, KubernetesConfig, WarmConfig
from qlayer.sandbox.container import DockerSandbox, GvisorSandbox
from qlayer.sandbox.runtimes import Toolchain, ToolchainMissing, registry
from qlayer.sandbox.survey import survey
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.language import Language


def test_warm_is_the_default_and_keeps_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QLAYER_SANDBOX__WORKERS", "7")
    settings = load_settings()
    assert (settings.sandbox.backend, settings.sandbox.workers) == ("warm", 7)  # type: ignore[union-attr]
    assert settings.warm.workers == 7
    assert isinstance(build_sandbox(settings), WarmSandbox)


@pytest.mark.parametrize(("backend", "kind"), [("docker", DockerSandbox), ("gvisor", GvisorSandbox)])
def test_the_environment_chooses_a_container_backend(
    monkeypatch: pytest.MonkeyPatch, backend: str, kind: type
) -> None:
    monkeypatch.setenv("QLAYER_SANDBOX__BACKEND", backend)
    monkeypatch.setenv("QLAYER_SANDBOX__WORKERS", "3")
    settings = load_settings()
    assert isinstance(build_sandbox(settings), kind)
    assert settings.sandbox.workers == 3  # type: ignore[union-attr]


@pytest.mark.parametrize(("backend", "said"), [("kubernetes", "not built yet"), ("fake", "for unit tests")])
def test_a_backend_that_runs_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, backend: str, said: str
) -> None:
    monkeypatch.setenv("QLAYER_SANDBOX__BACKEND", backend)
    with pytest.raises(ConfigurationError, match=said) as refused:
        build_sandbox(load_settings())
    assert refused.value.hint and "QLAYER_SANDBOX__BACKEND" in refused.value.hint


def test_the_runtime_class_of_pods_has_a_name() -> None:
    assert KubernetesConfig().runtime_class == "gvisor"


def test_an_error_names_the_setting_without_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QLAYER_SANDBOX__WORKERS", "0")
    with pytest.raises(ConfigurationError, match=r"^setting QLAYER_SANDBOX__WORKERS: "):
        load_settings()


async def test_a_missing_daemon_is_refused_with_the_reason(tmp_path: Path) -> None:
    pytest.importorskip("docker")
    sandbox = DockerSandbox(DockerConfig(host=f"unix://{tmp_path}/nobody"))
    with pytest.raises(TierUnavailable, match="no daemon answers at") as refused:
        await sandbox.__aenter__()
    assert refused.value.hint == "start dockerd"


async def test_a_missing_runtime_is_refused_with_the_reason() -> None:
    with pytest.raises(TierUnavailable, match=r"no command 'runsc-that-is-not-there'|needs root"):
        await GvisorSandbox(GvisorConfig(runsc="runsc-that-is-not-there")).__aenter__()


def test_the_survey_gives_the_refusals_own_words(tmp_path: Path) -> None:
    config = DockerConfig(host=f"unix://{tmp_path}/nobody")
    reports = {report.backend: report for report in survey(config).backends}
    assert reports["docker"].configured and not reports["docker"].available
    assert reports["docker"].reason and reports["docker"].reason.startswith("sandbox backend 'docker' is not")
    assert not reports["warm"].configured


def test_the_survey_names_every_language_and_what_a_missing_one_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without_go(language: Language) -> Toolchain:
        if language is Language.GO:
            raise ToolchainMissing("go is not here: apt-get install golang-go")
        return find(language)

    find = registry.find
    monkeypatch.setattr(registry, "find", without_go)
    seen = {each.language: each for each in survey(WarmConfig()).languages}
    assert set(seen) == set(Language)
    assert seen[Language.PYTHON].available
    assert not seen[Language.GO].available
    assert "apt-get install golang-go" in seen[Language.GO].detail
