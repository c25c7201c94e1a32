"""The gate before adapters: paired, and one point is the most that may be lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.adapter_gate import judge_adapter, read_results
from jobs.finetune import app
from qlayer.errors import InputError


def results(solved: int, of: int = 200) -> dict[str, bool]:
    return {f"t{number:03d}": number < solved for number in range(of)}


def ledger(path: Path, solved: dict[str, bool]) -> Path:
    rows = ({"task": task, "final": "ACCEPTED" if ok else "WRONG_ANSWER"} for task, ok in solved.items())
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("adapter", "accepted"), [(120, True), (100, True), (98, True), (97, False), (0, False)]
)
def test_more_than_one_point_lost_is_refused(adapter: int, accepted: bool) -> None:
    report = judge_adapter(results(100), results(adapter))
    assert report.accepted is accepted
    assert report.points == pytest.approx((adapter - 100) / 2)
    assert len(report.gained) - len(report.lost) == adapter - 100


def test_gains_and_losses_are_paired() -> None:
    report = judge_adapter({"a": True, "b": False}, {"a": False, "b": True})
    assert (report.lost, report.gained, report.points, report.p_value) == (("a",), ("b",), 0.0, 1.0)


@pytest.mark.parametrize("other", [{}, {"a": True, "b": True}])
def test_other_tasks_are_no_comparison(other: dict[str, bool]) -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        judge_adapter({"a": True}, other)
    with pytest.raises(InputError, match="no task"):
        judge_adapter({}, {})


def test_results_are_read_from_ledgers_and_plain_lines(tmp_path: Path) -> None:
    path = ledger(tmp_path / "l.jsonl", {"a": True, "b": False})
    assert read_results(path) == {"a": True, "b": False}
    path.write_text('{"task": 1, "passed": true}\n')
    assert read_results(path) == {"1": True}
    path.write_text('{"task": 1, "passed": true}\n{"task": 2}\n')
    with pytest.raises(InputError, match="line 2"):
        read_results(path)


def test_the_command_refuses_with_a_status_and_leaves_a_report(tmp_path: Path) -> None:
    base = ledger(tmp_path / "base.jsonl", results(100))
    for solved, status in ((99, 0), (90, 1)):
        adapter = ledger(tmp_path / "adapter.jsonl", results(solved))
        options = ["gate", "--base", str(base), "--adapter", str(adapter), "--out", str(tmp_path / "out")]
        done = CliRunner().invoke(app, options)
        assert done.exit_code == status, done.output
        report = json.loads((tmp_path / "out" / "gate.json").read_text())
        assert report["accepted"] is (status == 0)
        assert json.loads(done.stdout) == report
