"""The main job from the command line, with the real 0.5B model, the real sandbox and the real store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs
import pytest

MODEL = "qwen2.5-coder-0.5b"
WEIGHTS = Path(os.environ.get("QLAYER_WEIGHTS_DIR", Path(platformdirs.user_data_dir("qlayer")) / "weights"))
SPEC = """# Add

def add(a: int, b: int) -> int

Returns the sum of a and b.

>>> add(1, 2)
3
>>> add(-1, 1)
0
"""
BUDGET = ("--budget-seconds", "3600")
DEADLINE_S = 1_200

pytestmark = [
    pytest.mark.model,
    pytest.mark.timeout(2 * DEADLINE_S),
    pytest.mark.skipif(
        not any(WEIGHTS.glob("qwen2.5-coder-0.5b*.gguf")),
        reason=f"needs the weights: qlayer models pull {MODEL}",
    ),
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QLAYER_", "COV"))}
    return {
        **kept,
        "QLAYER_DATA_DIR": str(tmp_path / "data"),
        "QLAYER_WEIGHTS_DIR": str(WEIGHTS),
        "QLAYER_MODEL": MODEL,
        "NO_COLOR": "1",
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "qlayer.cli.main", *arguments]


def qlayer(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), env=environment, text=True, capture_output=True, check=False, timeout=DEADLINE_S
    )


def only_run(environment: dict[str, str]) -> dict[str, Any]:
    (row,) = json.loads(qlayer(environment, "runs", "ls", "--json").stdout)
    shown: dict[str, Any] = row
    return shown


def test_a_request_becomes_a_proved_capsule(environment: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "add"
    done = qlayer(environment, "generate", SPEC, *BUDGET, "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["decision"]["level"] >= "V2"
    assert result["usage"]["completion_tokens"] > 0

    verified = qlayer(environment, "capsule", "verify", str(out))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    validated = qlayer(environment, "validate", str(out))
    assert validated.returncode == 0, validated.stdout + validated.stderr

    (source,) = (path for path in (out / "src").rglob("*.py") if "def add" in path.read_text())
    source.write_text(source.read_text() + "\n# tampered with\n")
    assert qlayer(environment, "capsule", "verify", str(out)).returncode == 1


def test_a_command_killed_in_mid_run_goes_on_where_it_was(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        command("generate", SPEC, *BUDGET), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as killed:
        _await_event(environment, "skeleton")
        killed.send_signal(signal.SIGKILL)
    row = only_run(environment)
    assert row["status"] == "running"
    before = _events(environment, row["id"])

    # The dead process's lease has to expire first.
    deadline = time.monotonic() + DEADLINE_S
    while (done := qlayer(environment, "runs", "resume", row["id"])).returncode == 5:
        assert time.monotonic() < deadline, done.stderr
        time.sleep(2)
    assert done.returncode == 0, done.stdout + done.stderr
    after = _events(environment, row["id"])
    assert after[: len(before)] == before
    kinds = [event["body"]["kind"] for event in after]
    assert kinds.count("started") == 2
    assert kinds.count("skeleton") == kinds.count("spec") == kinds.count("finished") == 1


def test_a_full_disk_loses_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    """The blobs lie on a tiny file system that is full; when it is larger the run goes on."""
    blobs = tmp_path / "small"
    blobs.mkdir()
    with _tiny_disk(blobs):
        environment["QLAYER_BLOBS_URL"] = str(blobs / "blobs")
        (blobs / "filler").write_bytes(bytes(50 * 1024))
        failed = qlayer(environment, "generate", SPEC, *BUDGET)
        assert failed.returncode == 8, failed.stdout + failed.stderr
        assert "space" in failed.stderr
        row = only_run(environment)
        assert row["status"] == "running"

        (blobs / "filler").unlink()
        done = qlayer(environment, "runs", "resume", row["id"])
        assert done.returncode == 0, done.stdout + done.stderr
        assert only_run(environment)["status"] == "succeeded"


class _tiny_disk:
    """64 KiB of tmpfs at a folder; skips the test where mounting is not allowed."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def __enter__(self) -> None:
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", self._folder]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")

    def __exit__(self, *exc: object) -> None:
        subprocess.run(["umount", self._folder], check=True)


def _events(environment: dict[str, str], run_id: str) -> list[dict[str, Any]]:
    shown = json.loads(qlayer(environment, "runs", "show", run_id, "--json").stdout)
    events: list[dict[str, Any]] = shown["events"]
    return events


def _await_event(environment: dict[str, str], kind: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    for row in _rows(environment, deadline):
        if any(event["body"]["kind"] == kind for event in _events(environment, row["id"])):
            return
        time.sleep(0.2)


def _rows(environment: dict[str, str], deadline: float) -> Iterator[dict[str, Any]]:
    while time.monotonic() < deadline:
        yield from json.loads(qlayer(environment, "runs", "ls", "--json").stdout or "[]")
    raise AssertionError("the run did not get that far in time")
