"""``qlayer run`` and batches of ``qlayer validate``, in the real sandbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from qlayer.app.settings import Settings
from qlayer.cli import batch

Run = Callable[..., Result]


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    rows = [
        {"id": "right", "program": "print(1)", "expected": "1"},
        {"id": "wrong", "program": "print(2)", "expected": "1"},
        {"id": "right again", "program": "print(1)", "expected": "1"},
    ]
    path = tmp_path / "jobs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_program_is_run(qlayer: Run, tmp_path: Path) -> None:
    file, given, expected = tmp_path / "p.py", tmp_path / "in", tmp_path / "out"
    file.write_text("import sys\nprint(sys.argv[1:], input())")
    given.write_text("hello\n")
    expected.write_text("['-x'] hello\n")
    right = qlayer("run", str(file), "--stdin", str(given), "--expect", str(expected), "--", "-x")
    assert right.exit_code == 0
    assert right.stdout == "['-x'] hello\n"
    assert "ACCEPTED" in right.stderr
    wrong = qlayer("run", str(file), "--stdin", str(given), "--expect", str(expected), "--json")
    assert wrong.exit_code == 1
    report = json.loads(wrong.stdout)
    assert report["verdict"]["outcome"] == "WRONG_ANSWER"
    assert report["stdout"] == "[] hello\n"


def test_bad_input_of_run_is_named(qlayer: Run, tmp_path: Path) -> None:
    file = tmp_path / "p.py"
    file.write_text("")
    (tmp_path / "p.xyz").write_text("")
    for args, words in (
        ((str(tmp_path / "none.py"),), "cannot be read"),
        ((str(tmp_path / "p.xyz"),), "no language"),
        ((str(file), "--wall-s", "-1"), "wall_s"),
        ((str(file), "--stdin", str(tmp_path / "none")), "cannot be read"),
    ):
        result = qlayer("run", *args)
        assert result.exit_code == 2
        assert words in result.stderr


def test_a_batch_is_judged_once_and_resumed(qlayer: Run, jobs: Path, tmp_path: Path) -> None:
    verdicts, plot = tmp_path / "verdicts.jsonl", tmp_path / "plot.svg"
    first = qlayer("validate", str(jobs), "--out", str(verdicts), "--plot", str(plot))
    assert first.exit_code == 1
    assert "WRONG_ANSWER" in first.stdout
    assert plot.read_text().startswith("<svg")
    lines = [json.loads(line) for line in verdicts.read_text().splitlines()]
    assert sorted(line["id"] for line in lines) == ["right", "right again", "wrong"]
    verdicts.write_text("".join(verdicts.read_text().splitlines(keepends=True)[:1]) + '{"cut o')
    again = qlayer("validate", str(jobs), "--out", str(verdicts), "--json")
    assert sorted(row["id"] for row in json.loads(again.stdout)) == ["right", "right again", "wrong"]
    assert len(verdicts.read_text().splitlines()) == 3


def test_nothing_is_run_or_written_when_a_line_is_bad(qlayer: Run, jobs: Path, tmp_path: Path) -> None:
    with jobs.open("a") as file:
        file.write('{"program": 5}\n')
    result = qlayer("validate", str(jobs), "--out", str(tmp_path / "verdicts.jsonl"))
    assert result.exit_code == 2
    assert "line 4: program" in result.stderr
    assert not (tmp_path / "verdicts.jsonl").exists()


def test_options_of_batches_are_refused_elsewhere(qlayer: Run, tmp_path: Path, jobs: Path) -> None:
    (tmp_path / "p.py").write_text("x = 1\n")
    result = qlayer("validate", str(tmp_path / "p.py"), "--out", str(tmp_path / "v"))
    assert result.exit_code == 2
    assert "--out" in result.stderr
    assert qlayer("validate", str(jobs), "--plot", str(tmp_path / "p.png")).exit_code == 2


def test_ray_that_is_not_installed_is_named(qlayer: Run, jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch.importlib.util, "find_spec", lambda name: None)
    result = qlayer("validate", str(jobs), "--ray")
    assert result.exit_code == 3
    assert "qlayer[ray]" in result.stderr


def test_an_interrupted_batch_says_how_to_go_on(tmp_path: Path, machine: Path) -> None:
    rows = [{"id": f"j{n}", "program": f"import time\ntime.sleep(0.2)\nprint({n})"} for n in range(200)]
    jobs, verdicts = tmp_path / "jobs.jsonl", tmp_path / "verdicts.jsonl"
    jobs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, "-m", "qlayer.cli.main", "validate", str(jobs), "--out", str(verdicts)]
    env = os.environ | {"PYTHONPATH": str(Path(batch.__file__).parents[2])}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
    deadline = time.monotonic() + 60
    while not verdicts.exists() or len(verdicts.read_bytes().splitlines()) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in said
    for line in verdicts.read_text().splitlines():
        assert json.loads(line)["verdict"]["outcome"] == "ACCEPTED"


def test_the_settings_reach_the_workers(machine: Path) -> None:
    from qlayer.app.grading import SandboxWorkers, _workers

    built = _workers(Settings(data_dir=machine), 5)
    assert isinstance(built, SandboxWorkers)
    assert built.settings.sandbox.model_dump()["workers"] == 5
