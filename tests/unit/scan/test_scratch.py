"""What a killed scan leaves behind is removed by the next one, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from qlayer.scan.scratch import scratch, sweep

HOLDER = """
import sys, time
from pathlib import Path
from qlayer.scan.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "source.py").write_text("secret")
    print("ready", flush=True)
    time.sleep(600)
"""


def test_the_folder_of_a_killed_scan_is_removed_by_the_next(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"ready\n"
        assert sweep(tmp_path) == 0 and len(list(tmp_path.iterdir())) == 1, "its owner lives"
        holder.kill()
    assert len(list(tmp_path.glob("*/tree/source.py"))) == 1, "this is what a kill leaves"
    with scratch(tmp_path) as own:
        assert list(tmp_path.iterdir()) == [own.parent]
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_others_is_swept(tmp_path: Path) -> None:
    (tmp_path / "qlayer-scan-just-made").mkdir()
    (tmp_path / "else" / "lock").mkdir(parents=True)
    (tmp_path / "aim").write_text("")
    (tmp_path / "qlayer-scan-link").mkdir()
    (tmp_path / "qlayer-scan-link" / "lock").symlink_to(tmp_path / "aim")
    assert sweep(tmp_path) == 0 and len(list(tmp_path.iterdir())) == 4
