"""``qlayer templates``: what it lists and writes, and what it refuses. Nothing is run in a sandbox here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from qlayer.generation.templates import TEMPLATES

Run = Callable[..., Result]


def test_every_family_is_listed_and_shown(qlayer: Run) -> None:
    listed = json.loads(qlayer("templates", "ls", "--json").stdout)
    assert [one["name"] for one in listed] == list(TEMPLATES)
    shown = qlayer("templates", "show", "web")
    assert shown.exit_code == 0 and "vite build" in shown.output


def test_a_project_is_written_with_its_parameters(qlayer: Run, tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    made = qlayer(
        "templates", "new", "node-service", str(folder), "--param", "port=1234", "--title", "My desk"
    )
    assert made.exit_code == 0, made.output
    assert "?? 1234" in (folder / "src" / "server.ts").read_text()
    assert json.loads((folder / "package.json").read_text())["description"] == "My desk"
    assert qlayer("templates", "new", "node-service", str(folder)).exit_code == 5


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("show", "desktop"), 4, "no family 'desktop'"),
        (("new", "web", "DIR", "--param", "port=1"), 2, "has no parameters"),
        (("new", "node-service", "DIR", "--param", "port=$(id)"), 2, "cannot be used"),
        (("check", "DIR"), 4, "no family"),
    ],
)
def test_what_is_wrong_is_said(
    qlayer: Run, tmp_path: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    folder = tmp_path / "new"
    refused = qlayer("templates", *(str(folder) if word == "DIR" else word for word in words))
    assert refused.exit_code == status, refused.output
    assert said in refused.output and not folder.exists()


def test_a_folder_is_no_family_without_a_manifest(qlayer: Run, tmp_path: Path) -> None:
    refused = qlayer("templates", "show", str(tmp_path))
    assert refused.exit_code == 3 and "family.toml" in refused.output
