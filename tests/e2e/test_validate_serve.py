"""``POST /validate`` of a Serve replica that owns its supervisors."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest
from conftest import ServeApp, StartServe

from qlayer.app.proc import descendants

PATIENCE_S = 120


def supervisors() -> set[int]:
    """Below this process, so that no other Ray's is taken for ours; Ray writes their title."""
    found = set()
    for process in descendants(os.getpid()):
        try:
            title = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        except OSError:
            continue
        if title.startswith(b"ray::Supervisor"):
            found.add(process.pid)
    return found


@pytest.mark.server
def test_a_batch_survives_its_supervisor(start_serve: StartServe, tmp_path: Path) -> None:
    # No model is asked for anything here: any address will do.
    settings = {"data_dir": str(tmp_path), "llm_url": "http://127.0.0.1:9/v1"}
    app = ServeApp(
        "api", "/", "serve_apps.api:build", {"settings": settings, "supervisors": 1, "num_cpus": 0}
    )
    host = start_serve(app, num_cpus=2)
    own = supervisors()
    assert len(own) == 1

    jobs = [
        {"id": f"j{n}", "program": f"import time\ntime.sleep(0.02)\nprint({n})", "expected": str(n)}
        for n in range(150)
    ]
    killer = threading.Timer(0.5, lambda: os.kill(own.pop(), signal.SIGKILL))
    killer.start()
    seen: list[str] = []
    with httpx.stream("POST", f"{host.url}/validate", json={"jobs": jobs}, timeout=PATIENCE_S) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            if line.startswith('data: {"id"'):
                row = json.loads(line.removeprefix("data: "))
                assert row["verdict"]["outcome"] == "ACCEPTED", row
                seen.append(row["id"])
    killer.join()
    assert sorted(seen) == sorted(job["id"] for job in jobs)
    deadline = time.monotonic() + PATIENCE_S
    while not supervisors():
        assert time.monotonic() < deadline, "the supervisor was not replaced"
        time.sleep(0.1)
