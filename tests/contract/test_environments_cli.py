"""``qlayer env``, end to end with an index on loopback, and pip's configuration read where ours is silent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from package_index import Index, serving, wheel
from typer.testing import CliRunner

from qlayer.app.environments import index_of
from qlayer.cli.main import app
from qlayer.errors import TierUnavailable
from qlayer.sandbox import capabilities
from qlayer.sandbox.environments.config import EnvironmentsConfig
from qlayer.types.verdict import Tier

Run = Callable[..., Result]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    try:
        capabilities.require(Tier.USERNS, capabilities.probe().capabilities)
    except TierUnavailable as missing:
        pytest.skip(f"packages cannot be prepared: {missing}")
    monkeypatch.setenv("QLAYER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("QLAYER_CONFIG", raising=False)
    with serving() as index:
        monkeypatch.setenv("QLAYER_ENVIRONMENTS__INDEX_URL", index.url)
        yield index


@pytest.fixture
def qlayer() -> Run:
    runner = CliRunner()
    return lambda *args: runner.invoke(app, [str(arg) for arg in args], catch_exceptions=False)


def test_prepare_list_prune(tmp_path: Path, index: Index, qlayer: Run) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_bytes(index.lock(("one", "1.0", index.add(wheel("one")))))
    first = qlayer("env", "prepare", lock)
    assert first.exit_code == 0 and "is ready (1 packages" in first.stdout, first.output
    again = qlayer("env", "prepare", lock, "--json")
    made = json.loads(again.stdout)
    assert made["id"] in first.stdout and made["packages"] == ["one==1.0"]
    assert [each["id"] for each in json.loads(qlayer("env", "ls", "--json").stdout)] == [made["id"]]
    assert "one==1.0" in qlayer("env", "ls").stdout
    assert "0 removed" in qlayer("env", "prune", "--days", 1).stdout
    assert "1 removed" in qlayer("env", "prune", "--keep-mib", 0).stdout
    assert json.loads(qlayer("env", "ls", "--json").stdout) == []


def test_errors_say_what_and_where(tmp_path: Path, index: Index, qlayer: Run) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"# made up\nno-such-thing==1.0 --hash=sha256:{'0' * 64}\n")
    result = qlayer("env", "prepare", lock)
    assert result.exit_code == 2
    assert "requirements.txt:2: the index knows no package 'no-such-thing'" in result.stderr
    assert qlayer("env", "prepare", tmp_path / "missing.txt").exit_code == 2
    assert qlayer("env", "prune").exit_code == 2
    index.status = 503
    result = qlayer("env", "prepare", lock)
    assert result.exit_code == 7 and "answers 503" in result.stderr


def test_a_project_is_judged_with_its_locked_packages(tmp_path: Path, index: Index, qlayer: Run) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.py").write_text("import one\nassert one.VERSION == '1.0'\n")
    without = json.loads(qlayer("validate", project, "--json").stdout)
    assert without[0]["verdict"]["outcome"] != "ACCEPTED"
    lock = project / "requirements.txt"
    lock.write_bytes(index.lock(("one", "1.0", index.add(wheel("one")))))
    judged = json.loads(qlayer("validate", project, "--json").stdout)
    assert [check["verdict"]["outcome"] for check in judged] == ["ACCEPTED"]
    lock.write_bytes(index.lock(("oone", "1.0", "0" * 64)))
    [check] = json.loads(qlayer("validate", project, "--json").stdout)
    assert (check["verdict"]["outcome"], check["verdict"]["phase"]) == ("DEPENDENCY_ERROR", "deps")
    assert "knows no package 'oone'" in check["verdict"]["cause"]


def test_pips_index_is_used_where_ours_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = EnvironmentsConfig(folder=tmp_path)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    found = index_of(config)
    assert found.index_url == "http://127.0.0.1:1/simple" and found.file_origins == ()
    own = EnvironmentsConfig(folder=tmp_path, index_url="http://127.0.0.1:2/simple")
    assert index_of(own) == own
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = http://127.0.0.1:3/simple\ncert = /some/ca.pem\nproxy = http://127.0.0.1:4\n"
    )
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.delenv("PIP_CERT", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    found = index_of(config)
    assert found.index_url == "http://127.0.0.1:3/simple" and found.ca_file == Path("/some/ca.pem")
    assert found.proxy_url == "http://127.0.0.1:4"
