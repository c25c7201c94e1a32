"""The durable batch: killed in the middle and run again, every line once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 200
JOBS = 150


@pytest.mark.server
def test_a_killed_batch_loses_and_doubles_nothing(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra: ray")
    jobs, ledger = tmp_path / "jobs.jsonl", tmp_path / "verdicts.jsonl"
    rows = [
        {"id": f"j{n}", "program": f"import time\ntime.sleep(0.05)\nprint({n})", "expected": str(n)}
        for n in range(JOBS)
    ]
    jobs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "QLAYER_"))}
    env = kept | {"PYTHONPATH": str(ROOT), "QLAYER_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-P", "-m", "jobs.grade", "--jobs", str(jobs), "--out", str(ledger)]
    command += ["--supervisors", "2"]

    first = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_S
    while not ledger.exists() or len(ledger.read_bytes().splitlines()) < 10:
        assert first.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    first.kill()
    first.wait()
    before = len(ledger.read_bytes().splitlines())
    assert before < JOBS, "the kill came too late to mean anything"

    again = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert again.returncode == 0, again.stderr[-3_000:]
    assert "are in the ledger already" in again.stderr
    found = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert sorted(row["id"] for row in found) == sorted(row["id"] for row in rows)
    assert {row["verdict"]["outcome"] for row in found} == {"ACCEPTED"}
