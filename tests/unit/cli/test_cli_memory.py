"""Correcting a capsule from the command line, and looking after what was learned from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qlayer.cli import capsule_edit
from qlayer.llm.fake import FakeLLM
from qlayer.sandbox.base import SandboxJob, SandboxResult
from qlayer.sandbox.fake import FakeSandbox, accept, result_of
from qlayer.types.verdict import Outcome

SPEC = "def double(n: int) -> int\n\nTwice the number.\n\ndouble(2) == 4\ndouble(0) == 0\n"
ANSWER = "```python\ndef double(n: int) -> int:\n    return n * 2\n```"
BETTER = "def double(n: int) -> int:\n    return n + n\n"
BROKEN = "def double(n: int) -> int:\n    return n * 3  # broken\n"

Fakes = Callable[..., FakeLLM]


def judge(job: SandboxJob) -> SandboxResult:
    """What says of itself that it is broken is."""
    text = "".join(data.decode() for data in getattr(job, "tree").files.values())  # noqa: B009
    broken = "# broken" in text and bool(getattr(job, "cases", ()))
    return result_of(job, Outcome.WRONG_ANSWER) if broken else accept(job)


@pytest.fixture
def capsule(qlayer: Any, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> str:
    """A capsule of the answer above, in a machine whose sandbox is the judge above."""
    monkeypatch.setattr(capsule_edit, "build_sandbox", lambda _: FakeSandbox(judge))
    fakes(lambda _: ANSWER, FakeSandbox(judge))
    return str(json.loads(qlayer("generate", SPEC, "--json").stdout)["capsule"])


def edit(qlayer: Any, capsule: str, code: str, *options: str) -> Any:
    return qlayer("capsule", "edit", capsule, "--file", "-", "--who", "ada", *options, stdin=code)


def test_a_correction_becomes_a_capsule_and_a_memory(qlayer: Any, capsule: str) -> None:
    assert "nothing" not in qlayer("memory", "ls").stdout
    done = edit(qlayer, capsule, BETTER, "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["parent"] == capsule
    manifest = json.loads(qlayer("capsule", "show", result["capsule"], "--json").stdout)
    assert manifest["edits"][0]["who"] == "ada" and manifest["edits"][0]["parent"] == capsule
    assert qlayer("capsule", "verify", result["capsule"]).exit_code == 0
    assert "n + n" in qlayer("capsule", "diff", capsule, result["capsule"]).stdout

    (row,) = json.loads(qlayer("memory", "ls", "--json").stdout)["memories"]
    assert (row["id"], row["kind"], row["who"], row["used"]) == (result["correction"], "correction", "ada", 0)
    listed = qlayer("memory", "ls").stdout
    assert row["id"] in listed and "lexical (words in common)" in listed
    shown = qlayer("memory", "show", row["id"][:8])
    assert "+    return n + n" in shown.stdout and "accepted but wrong" in shown.stdout


def test_a_later_run_uses_it_and_it_can_be_forgotten(qlayer: Any, capsule: str, fakes: Fakes) -> None:
    memory = json.loads(edit(qlayer, capsule, BETTER, "--json").stdout)["correction"]
    llm = fakes(lambda _: ANSWER, FakeSandbox(judge))
    run = qlayer("generate", SPEC)
    assert memory in run.stderr, "the run says what it uses"
    assert "return n + n" in llm.requests[0].messages[-1].content
    assert "1 run" in qlayer("memory", "ls").stdout
    assert qlayer("memory", "rm", memory).exit_code == 0
    assert json.loads(qlayer("memory", "ls", "--json").stdout)["memories"] == []
    missing = qlayer("memory", "show", memory)
    assert missing.exit_code == 4 and "qlayer memory ls" in missing.stderr


def test_what_breaks_a_check_needs_force(qlayer: Any, capsule: str) -> None:
    refused = edit(qlayer, capsule, BROKEN)
    assert refused.exit_code == 2 and "--force" in refused.stderr
    assert json.loads(qlayer("memory", "ls", "--json").stdout)["memories"] == []
    forced = edit(qlayer, capsule, BROKEN, "--force")
    assert forced.exit_code == 1, "made, and not allowed"
    assert "fails now" in forced.stdout


def test_export_writes_both_files(qlayer: Any, capsule: str, tmp_path: Path) -> None:
    pytest.importorskip("detect_secrets", reason="no detect-secrets: install the extra memory")
    edit(qlayer, capsule, BETTER)
    done = qlayer("memory", "export", "--out", str(tmp_path / "data"), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"dpo": 1, "left_out": [], "sft": 1}
    (line,) = (tmp_path / "data" / "sft.jsonl").read_text().splitlines()
    assert json.loads(line)["messages"][-1]["content"] == f"```python\n{BETTER}```"


@pytest.mark.parametrize(
    ("options", "problem"),
    [(["--slot", "other", "--file", "-"], "no function 'other'"), ([], "no terminal")],
)
def test_an_edit_that_cannot_be_made_says_why(
    qlayer: Any, capsule: str, options: list[str], problem: str
) -> None:
    done = qlayer("capsule", "edit", capsule, *options, stdin=BETTER)
    assert done.exit_code == 2 and problem in done.stderr


@pytest.mark.parametrize("saved", [True, False])
def test_the_function_is_opened_in_the_editor(
    qlayer: Any, capsule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: bool
) -> None:
    editor = tmp_path / "editor"
    edit_it = 'sed -i "s/n \\* 2/n + n/" "$1"; touch -d "+1 hour" "$1"' if saved else "true"
    editor.write_text(f"#!/bin/sh\n{edit_it}\n")
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr(capsule_edit, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    done = qlayer("capsule", "edit", capsule)
    assert done.exit_code == 0, done.output
    remembered = json.loads(qlayer("memory", "ls", "--json").stdout)["memories"]
    assert [row["kind"] for row in remembered] == ["correction"] * saved
    assert ("nothing was changed" in done.stderr) is not saved
