"""Kill -9 of a supervisor, a zygote and a raylet in mid-batch, on a Ray of two nodes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN_S = 280


@pytest.mark.server
@pytest.mark.slow
def test_nothing_is_lost_or_doubled_and_orphans_are_gone(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra: ray")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "QLAYER_"))}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "jobs.kill_matrix", "--programs", "200"],
        cwd=tmp_path,
        env=kept | {"PYTHONPATH": str(ROOT), "QLAYER_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4_000:]
