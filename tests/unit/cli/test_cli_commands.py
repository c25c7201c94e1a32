"""The remaining commands: version, models, validate, doctor, and the stack's three."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qlayer import __version__
from qlayer.app.stack import PartStatus, StackState, StackStatus
from qlayer.app.stack.ports import StackPorts
from qlayer.cli import carrying, up, validate
from qlayer.errors import ConflictError, SandboxError
from qlayer.sandbox import capabilities
from qlayer.sandbox.fake import FakeSandbox, result_of
from qlayer.types.ids import ModelId
from qlayer.types.verdict import Outcome

SHIPPED = Path(__file__).parents[3] / "models"
PORTS = StackPorts(**dict.fromkeys(StackPorts.model_fields, 8420))


def stack() -> StackState:
    return StackState(
        id="s",
        phase="up",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        host="127.0.0.1",
        ports=PORTS,
        model=ModelId("qwen2.5-coder-0.5b"),
        llm_url="http://127.0.0.1:8420/llm/v1",
        serves_llm=True,
        token_path=Path("token"),
        temp_dir=Path("tmp"),
    )


def test_the_version(qlayer) -> None:  # type: ignore[no-untyped-def]
    assert qlayer("--version").stdout == f"qlayer {__version__}\n"


def test_a_broken_setting_is_named(qlayer, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("QLAYER_LLM_SLOTS", "0")
    done = qlayer("models", "ls")
    assert done.exit_code == 3
    assert "QLAYER_LLM_SLOTS" in done.stderr


def test_models_tell_what_is_here(qlayer, machine: Path) -> None:  # type: ignore[no-untyped-def]
    rows = {row["id"]: row for row in json.loads(qlayer("models", "ls", "--json").stdout)}
    assert rows["qwen2.5-coder-0.5b"]["state"] == "missing"
    assert rows["qwen2.5-coder-0.5b"]["default"] is True
    weights = machine / "weights"
    weights.mkdir()
    (weights / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf").write_bytes(b"wrong")
    assert "unverified" in qlayer("models", "ls").stdout
    damaged = qlayer("models", "verify", "qwen2.5-coder-0.5b")
    assert damaged.exit_code == 6
    assert "damaged" in damaged.stderr
    assert "5 B freed" in qlayer("models", "rm", "qwen2.5-coder-0.5b").stdout
    assert "was not on this machine" in qlayer("models", "rm", "qwen2.5-coder-0.5b").stdout
    assert qlayer("models", "verify", "qwen2.5-coder-0.5b").exit_code == 6


def test_a_broken_catalogue_names_the_file_and_the_key(  # type: ignore[no-untyped-def]
    qlayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models"
    shutil.copytree(SHIPPED, folder)
    (folder / "qwen2.5-coder-7b.yaml").write_text("id: qwen2.5-coder-7b\ncolour: red\n")
    monkeypatch.setenv("QLAYER_MODELS_DIR", str(folder))
    done = qlayer("models", "ls")
    assert done.exit_code == 3
    assert "qwen2.5-coder-7b.yaml" in done.stderr


def test_validate_judges_a_project(qlayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    sandbox = FakeSandbox()
    monkeypatch.setattr(validate, "WarmSandbox", lambda _: sandbox)
    (tmp_path / "src" / "calc").mkdir(parents=True)
    (tmp_path / "src" / "calc" / "__init__.py").write_text("x = 1\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("secret")
    done = qlayer("validate", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert "boot calc" in done.stdout
    [job] = sandbox.jobs
    assert list(job.tree.paths()) == ["src/calc/__init__.py"], "hidden files stay at home"

    failing = FakeSandbox(lambda job: result_of(job, Outcome.RUNTIME_ERROR, "it does not import"))
    monkeypatch.setattr(validate, "WarmSandbox", lambda _: failing)
    failed = qlayer("validate", str(tmp_path / "src" / "calc" / "__init__.py"), "--json")
    assert failed.exit_code == 2, "__init__.py alone is no module"
    (tmp_path / "one.py").write_text("x = 1\n")
    failed = qlayer("validate", str(tmp_path / "one.py"), "--json")
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)[0]["verdict"]["outcome"] == "RUNTIME_ERROR"


def test_validate_refuses_what_it_cannot_judge(qlayer, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert qlayer("validate", str(tmp_path / "absent")).exit_code == 2
    assert qlayer("validate", str(tmp_path)).exit_code == 2
    (tmp_path / "big.py").write_bytes(b"#" * (8 * 1024 * 1024 + 1))
    done = qlayer("validate", str(tmp_path / "big.py"))
    assert done.exit_code == 2
    assert "8388608 bytes" in done.stderr


def test_doctor_says_what_is_missing_and_goes_on(qlayer, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def broken() -> None:
        raise SandboxError("no namespaces here")

    monkeypatch.setattr(capabilities, "probe", broken)
    done = qlayer("doctor")
    assert done.exit_code == 1
    assert "no namespaces here" in done.stdout
    assert "qlayer models pull" in done.stdout
    found = {row["name"]: row["state"] for row in json.loads(qlayer("doctor", "--json").stdout)}
    assert found["sandbox"] == "missing"
    assert found["data folder"] == "ok"


def test_up_down_and_status_are_thin(qlayer, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    asked = []
    monkeypatch.setattr(
        up, "start_stack", lambda settings, options, on_progress: asked.append(options) or stack()
    )
    monkeypatch.setattr(up, "stop_stack", lambda settings, on_progress: None)
    done = qlayer("up", "--port", "9000")
    assert done.exit_code == 0, done.output
    assert "http://127.0.0.1:8420" in done.stdout
    assert asked[0].http_port == 9000
    assert qlayer("up", "--port", "0").exit_code == 2
    assert qlayer("up", "--engine", "abacus").exit_code == 2
    assert "no stack was up" in qlayer("down").stdout

    degraded = StackStatus(
        health="degraded", stack=stack(), parts=(PartStatus(name="llm", ok=False, detail="dead"),)
    )
    monkeypatch.setattr(up, "stack_status", lambda settings: degraded)
    shown = qlayer("status")
    assert shown.exit_code == 1
    assert "dead" in shown.stdout


def test_two_ups_at_once_are_told(qlayer, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def busy(*args: object, **more: object) -> StackState:
        raise ConflictError("a stack is already up", hint="qlayer down")

    monkeypatch.setattr(up, "start_stack", busy)
    done = qlayer("up")
    assert done.exit_code == 5
    assert "hint: qlayer down" in done.stderr


def test_generate_goes_to_the_stack_when_one_is_up(qlayer, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    state = stack().model_copy(update={"ports": PORTS.model_copy(update={"http": 9})})
    monkeypatch.setattr(carrying, "stack_status", lambda settings: StackStatus(health="up", stack=state))
    done = qlayer("generate", "def f() -> int")
    assert done.exit_code == 3
    assert "http://127.0.0.1:9" in done.stderr
