"""From the command line to the capsule, with a fake model and a fake sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from qlayer.app.build import open_storage
from qlayer.app.settings import load_settings
from qlayer.errors import SandboxError
from qlayer.llm.fake import FakeLLM
from qlayer.packaging.oci import read_layout
from qlayer.sandbox.base import SandboxResult
from qlayer.sandbox.fake import FakeSandbox, result_of
from qlayer.types.run import RunSummary
from qlayer.types.verdict import Outcome

SPEC = "def double(n: int) -> int\n\nTwice the number.\n\ndouble(2) == 4\ndouble(0) == 0\n"
ANSWER = "```python\ndef double(n: int) -> int:\n    return n * 2\n```"

Fakes = Callable[..., FakeLLM]


def recorded() -> tuple[RunSummary, ...]:
    async def read() -> tuple[RunSummary, ...]:
        async with open_storage(load_settings()) as storage:
            return await storage.records.runs()

    return asyncio.run(read())


def test_a_request_becomes_a_capsule(qlayer, fakes: Fakes, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    fakes(lambda _: ANSWER)
    done = qlayer("generate", SPEC, "--out", str(tmp_path / "project"))
    assert done.exit_code == 0, done.output
    assert "V3 allowed" in done.stdout
    assert "understood" in done.stderr, "without a terminal there is one line for each event"
    assert "return n * 2" in "".join(p.read_text() for p in (tmp_path / "project").rglob("*.py"))


def test_a_release_is_signed_and_a_denial_ends_with_status_1(  # type: ignore[no-untyped-def]
    qlayer, fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes(lambda _: ANSWER)
    nobody = qlayer("generate", SPEC, "--release-to", "development")
    assert nobody.exit_code != 0 and "qlayer keys new" in nobody.output
    assert qlayer("keys", "new").exit_code == 0
    project = tmp_path / "project"
    allowed = qlayer("generate", SPEC, "--release-to", "development", "--out", str(project))
    assert allowed.exit_code == 0, allowed.output
    assert "allowed for development" in allowed.stdout and "signed with the key default" in allowed.stderr
    assert "image    sha256:" in allowed.stdout
    assert qlayer("capsule", "verify", str(project), "--signed").exit_code == 0
    monkeypatch.setenv("QLAYER_SCAN", "off")
    denied = qlayer("generate", SPEC, "--release-to", "production", "--json")
    release = json.loads(denied.stdout)["release"]
    assert denied.exit_code == 1 and release["allow"] is False and release["reasons"]


def test_the_same_capsule_is_the_same_image(qlayer, fakes: Fakes, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    fakes(lambda _: ANSWER)
    capsule = json.loads(qlayer("generate", SPEC, "--json").stdout)["capsule"]
    told = json.loads(qlayer("capsule", "image", capsule, "--json").stdout)
    written = json.loads(qlayer("capsule", "image", capsule, "--out", str(tmp_path / "i"), "--json").stdout)
    assert told["image"] == written["image"] and read_layout(tmp_path / "i").digest == told["image"]
    assert qlayer("capsule", "image", capsule, "--out", str(tmp_path / "i")).exit_code == 2, "it is there"
    assert "no OCI image layout" in qlayer("capsule", "image", capsule, "--base", str(tmp_path)).output
    assert "no image reference" in qlayer("capsule", "image", capsule, "--push", "UPPER CASE").output


def test_json_is_one_document_and_nothing_else(qlayer, fakes: Fakes) -> None:  # type: ignore[no-untyped-def]
    fakes(lambda _: ANSWER)
    done = qlayer("generate", "-", "--json", stdin=SPEC)
    assert done.exit_code == 0
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert result["status"] == "succeeded"
    assert result["decision"]["level"] == "V3"
    assert qlayer("capsule", "verify", result["capsule"]).exit_code == 0


def test_a_program_that_fails_its_tests_ends_with_status_1(qlayer, fakes: Fakes) -> None:  # type: ignore[no-untyped-def]
    def judge(job):  # type: ignore[no-untyped-def]
        wrong = bool(getattr(job, "cases", ()))
        return result_of(job, Outcome.WRONG_ANSWER if wrong else Outcome.ACCEPTED, "another value")

    fakes(lambda _: ANSWER, FakeSandbox(judge))
    done = qlayer("generate", SPEC, "--json")
    assert done.exit_code == 1
    result = json.loads(done.stdout)
    assert result["capsule"] is not None
    assert result["decision"]["allow"] is False


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["", "--local"], 2, "empty"),
        (["x y z", "--budget-tokens", "0"], 2, "--budget-tokens"),
        (["x y z", "--budget-seconds", "0"], 2, "--budget-seconds"),
        ([SPEC, "--template", "spaceship"], 4, "spaceship"),
        ([SPEC, "--model", "gpt-17"], 4, "gpt-17"),
        ([SPEC, "--local", "--api", "http://127.0.0.1:1"], 2, "exclude"),
        ([SPEC, "--out", "/dev/null"], 2, "--out"),
        ([SPEC, "--out", "/dev/null/project"], 2, "not writable"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_recorded(  # type: ignore[no-untyped-def]
    qlayer, fakes: Fakes, arguments: list[str], status: int, words: str
) -> None:
    fakes(lambda _: ANSWER)
    done = qlayer("generate", *arguments)
    assert done.exit_code == status, done.output
    assert words in done.stderr
    assert "Traceback" not in done.output
    assert recorded() == ()


def test_missing_weights_name_the_command_to_run(qlayer, machine: Path) -> None:  # type: ignore[no-untyped-def]
    done = qlayer("generate", SPEC, "--local", "--model", "qwen2.5-coder-1.5b")
    assert done.exit_code == 6
    assert "qlayer models pull qwen2.5-coder-1.5b" in done.stderr
    assert recorded() == ()


def test_an_unreachable_server_is_told(qlayer) -> None:  # type: ignore[no-untyped-def]
    done = qlayer("generate", SPEC, "--api", "http://127.0.0.1:9")
    assert done.exit_code == 3
    assert "no qlayer answers" in done.stderr


def test_ctrl_c_stops_the_work_and_resume_carries_it_on(qlayer, fakes: Fakes) -> None:  # type: ignore[no-untyped-def]
    asked = threading.Event()

    def slow(_: object) -> str:
        asked.set()
        return "word " * 10_000

    fakes(slow, token_s=0.01)

    def press() -> None:
        asked.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    stopped = qlayer("generate", SPEC)
    presser.join()
    assert stopped.exit_code == 130
    [run] = recorded()
    assert f"qlayer runs resume {run.id}" in stopped.stderr
    assert run.status == "running"

    fakes(lambda _: ANSWER)
    done = qlayer("runs", "resume", run.id)
    assert done.exit_code == 0, done.output
    assert "resumed by" in done.stderr
    assert recorded()[0].status == "succeeded"


def test_a_finished_run_resumes_to_its_result(qlayer, fakes: Fakes) -> None:  # type: ignore[no-untyped-def]
    llm = fakes(lambda _: ANSWER)
    qlayer("generate", SPEC)
    asked = len(llm.requests)
    [run] = recorded()
    done = qlayer("runs", "resume", run.id, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["run_id"] == run.id
    assert len(llm.requests) == asked


def test_runs_are_listed_shown_and_followed(qlayer, fakes: Fakes) -> None:  # type: ignore[no-untyped-def]
    fakes(lambda _: ANSWER)
    qlayer("generate", SPEC)
    [run] = recorded()
    assert run.id in qlayer("runs", "ls").stdout
    assert json.loads(qlayer("runs", "ls", "--json").stdout)[0]["id"] == run.id
    shown = qlayer("runs", "show", run.id)
    assert "packed capsule" in shown.stdout
    assert json.loads(qlayer("runs", "show", run.id, "--json").stdout)["id"] == run.id
    followed = qlayer("runs", "follow", run.id)
    assert followed.exit_code == 0
    assert "recorded, with a budget" in followed.stderr


def test_a_stopped_run_can_be_cancelled_once(qlayer, fakes: Fakes) -> None:  # type: ignore[no-untyped-def]
    def broken(job: object) -> SandboxResult:
        raise SandboxError("the sandbox is gone")

    fakes(lambda _: ANSWER, FakeSandbox(broken))
    failed = qlayer("generate", SPEC)
    assert failed.exit_code == 7
    [run] = recorded()
    assert f"qlayer runs resume {run.id}" in failed.stderr
    assert qlayer("runs", "cancel", run.id).exit_code == 0
    assert recorded()[0].status == "cancelled"
    assert qlayer("runs", "cancel", run.id).exit_code == 5


@pytest.mark.parametrize("command", ["show", "follow", "resume", "cancel"])
def test_an_unknown_run_is_told(qlayer, command: str) -> None:  # type: ignore[no-untyped-def]
    done = qlayer("runs", command, "run-000000000000-00000000")
    assert done.exit_code == 4
    assert "run-000000000000-00000000" in done.stderr


def test_capsules_are_listed_shown_compared_and_exported(qlayer, fakes: Fakes, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    another = ANSWER.replace("n * 2", "n + n")
    fakes([ANSWER, ANSWER, another, another])
    qlayer("generate", SPEC)
    qlayer("generate", SPEC)
    newer, older = (row["id"] for row in json.loads(qlayer("capsule", "ls", "--json").stdout))
    assert newer.removeprefix("sha256:")[:12] in qlayer("capsule", "ls").stdout
    assert "double" in qlayer("capsule", "show", newer[7:15]).stdout
    changed = qlayer("capsule", "diff", older, newer)
    assert changed.exit_code == 1
    assert "+    return n + n" in changed.stdout
    assert qlayer("capsule", "diff", newer, newer).exit_code == 0
    folder = tmp_path / "out"
    assert qlayer("capsule", "export", newer, str(folder)).exit_code == 0
    assert qlayer("capsule", "export", newer, str(folder)).exit_code == 2, "never over what is there"
    assert qlayer("capsule", "export", newer, str(folder), "--force").exit_code == 0
    assert qlayer("capsule", "verify", str(folder)).exit_code == 0
    (folder / "README.md").write_text("changed")
    assert qlayer("capsule", "verify", str(folder)).exit_code == 1
    assert qlayer("capsule", "show", "ffffff").exit_code == 4
