"""``qlayer scan`` on folders: findings, files written, and exit statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".github").mkdir(parents=True)
    (folder / "a.py").write_text("import os\n")
    (folder / ".env").write_text("TOKEN=ghp_" + "9aF3kQ7xLm2PzR8sTvW4yBcD6eGhJ1nU5oXi\n")
    return folder


def test_findings_decide_the_status_and_hidden_files_are_looked_at(
    qlayer: Run, project: Path, tmp_path: Path
) -> None:
    found = qlayer("scan", str(project), "--sarif", str(tmp_path / "out.sarif"), "--json")
    assert found.exit_code == 1
    places = {(one["path"], one["severity"]) for one in json.loads(found.stdout)["findings"]}
    assert (".env", "critical") in places and ("a.py", "low") in places
    assert json.loads((tmp_path / "out.sarif").read_text())["version"] == "2.1.0"
    (project / ".env").unlink()
    again = qlayer("scan", str(project))
    assert again.exit_code == 0 and "F401" in again.output and "cached" in again.output
    assert qlayer("scan", str(project), "--fail-on", "low").exit_code == 1


def test_a_suppression_needs_a_reason_and_an_end(qlayer: Run, project: Path, tmp_path: Path) -> None:
    (project / ".env").unlink()
    accepted = tmp_path / "accepted.yaml"
    entry = {"tool": "ruff", "rule": "F401", "path": "a.py", "reason": "kept for its side effects"}
    accepted.write_text(json.dumps([{**entry, "until": "2999-01-01"}]))
    held = qlayer(
        "scan", str(project), "--profile", "fast", "--fail-on", "low", "--suppressions", str(accepted)
    )
    assert held.exit_code == 0 and "1 suppressed" in held.output
    for missing in ({**entry}, {**entry, "reason": "", "until": "2999-01-01"}):
        accepted.write_text(json.dumps([missing]))
        refused = qlayer("scan", str(project), "--suppressions", str(accepted))
        assert refused.exit_code == 2 and str(accepted) in refused.output.replace("\n", "")


def test_what_is_neither_a_folder_nor_a_capsule(qlayer: Run) -> None:
    assert qlayer("scan", "/absent/folder").exit_code == 2
    assert qlayer("scan", "abcdef").exit_code == 4
