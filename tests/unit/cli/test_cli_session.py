"""``qlayer session`` over the fake host, and once in the real sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qlayer.cli import session
from qlayer.cli.main import app
from qlayer.sandbox.sessions.fake import UnsafeFakeSessions


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "make_sessions", lambda settings: UnsafeFakeSessions())


@pytest.mark.usefixtures("fake")
def test_what_is_executed_shares_names() -> None:
    done = CliRunner().invoke(app, ["session", "--exec", "x = 6", "--exec", "print(x * 7)"])
    assert (done.exit_code, done.stdout) == (0, "42\n")


@pytest.mark.usefixtures("fake")
def test_lines_from_a_pipe_become_statements() -> None:
    lines = "def twice(n):\n    return 2 * n\n\nfor n in range(2):\n    print(twice(n))\n\nprint('end')"
    done = CliRunner().invoke(app, ["session"], input=lines)
    assert (done.exit_code, done.stdout) == (0, "0\n2\nend\n")


@pytest.mark.usefixtures("fake")
def test_the_last_status_is_the_commands_own() -> None:
    done = CliRunner().invoke(app, ["session", "--exec", "raise ValueError('no')"])
    assert done.exit_code == 1 and "ValueError: no" in done.stderr
    assert CliRunner().invoke(app, ["session", "--exec", "1/0", "--exec", "pass"]).exit_code == 0


@pytest.mark.usefixtures("fake")
def test_json_and_control_characters() -> None:
    code = "print('a\\x1b[31mb')"
    shown = CliRunner().invoke(app, ["session", "--exec", code])
    assert shown.stdout == "a\ufffd[31mb\n"
    told = json.loads(CliRunner().invoke(app, ["session", "--json", "--exec", code]).stdout)
    assert told["stdout"] == "a\x1b[31mb\n" and told["status"] == 0


def test_in_the_sandbox(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("from the folder")
    codes = ["--exec", "text = open('data.txt').read()", "--exec", "!echo $HOME", "--exec", "text"]
    done = CliRunner().invoke(app, ["session", str(tmp_path), *codes])
    if done.exit_code == 3:
        pytest.skip(f"warm: {done.stderr}")
    assert (done.exit_code, done.stdout) == (0, "/tmp\n'from the folder'\n"), done.output
