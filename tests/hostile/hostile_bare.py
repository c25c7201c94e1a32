"""Running a corpus program without any sandbox, to show that its attack works where nothing guards.

The programs are bounded by themselves (at most 200 MB, 64 processes, a few seconds); whatever is left of one
is killed with its process group. The one that kills everybody gets an own pid namespace with a neighbour.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hostile_corpus import ENTRY, Program

JUDGE = Path(__file__).with_name("naive_judge.py")
OUTER_LIMIT_S = 120

NEIGHBOUR = """
import subprocess, sys
neighbour = subprocess.Popen(["sleep", "60"])
subprocess.run(sys.argv[1:])
try:
    neighbour.wait(2)
    print("THE NEIGHBOUR DIED")
except subprocess.TimeoutExpired:
    neighbour.kill()
"""


@dataclass(frozen=True)
class Bare:
    """What an unguarded run gave. `believed`: a naive judge takes it for a pass."""

    believed: bool
    stdout: str
    stderr: str


def run_bare(program: Program, folder: Path, places: dict[str, str], secret: str) -> Bare:
    """Run it in `folder` as the current user and say what a naive judge would."""
    for path, text in program.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    reader, writer = os.pipe()
    descriptor = os.open(places["folder"] + "/secret", os.O_RDONLY)
    handed = [writer, *([descriptor] if program.needs == "secret descriptor" else [])]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(folder),
        # Those of our own tests take longer to load than all else.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    if program.needs == "secret environment":
        environment["HOSTILE_SECRET"] = secret
    try:
        process = subprocess.Popen(
            _command(program, places, writer),
            cwd=folder,
            env=environment,
            pass_fds=handed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    finally:
        os.close(writer)
        os.close(descriptor)
    with process, open(reader, "rb") as result:
        try:
            stdout, stderr = process.communicate(timeout=OUTER_LIMIT_S)
        finally:
            _kill_group(process.pid)
        passed = b"PASS" in result.read()
    believed = process.returncode == 0 or b"ALL TESTS PASSED" in stdout or passed
    return Bare(believed, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


def _command(program: Program, places: dict[str, str], result: int) -> list[str]:
    if program.mode == "pytest":
        return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_paths(program)]
    if program.mode == "values":
        payload = json.dumps({"cases": program.calls(), "result": result})
        return [sys.executable, str(JUDGE), "values", payload]
    if program.mode == "split":
        payload = json.dumps({"program": program.files[ENTRY], "tests": program.tests_source})
        return [sys.executable, str(JUDGE), "split", payload]
    command = [sys.executable, ENTRY, *program.argv(places)]
    if program.needs == "neighbour":
        own_pids = ["unshare", "--pid", "--fork", "--kill-child"]
        return [*own_pids, sys.executable, "-c", NEIGHBOUR, *command]
    return command


def _paths(program: Program) -> list[str]:
    return sorted({test.split("::")[0] for test in program.lists["expects-test"]})


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
