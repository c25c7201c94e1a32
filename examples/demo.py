"""`make demo`: the main job on this machine, with a real 1.5B model served by Ray Serve.

Fetches the weights once, starts a stack, generates the three specs of this folder, exports and verifies their
capsules, runs the generated service from its exported folder, and stops the stack again. Everything it keeps
lies below ``.qlayer/demo``; the weights go to the user's own data folder.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import platformdirs
from rich.console import Console
from rich.table import Table

from qlayer.types.capsule import CapsuleManifest

MODEL = "qwen2.5-coder-1.5b"
SPECS = ("function", "service", "tricky")
HERE = Path(__file__).resolve().parent
WORK = HERE.parent / ".qlayer" / "demo"
BUDGET = ("--budget-seconds", "1800", "--budget-tokens", "12000")
"""Far above what an idle machine needs (under a minute a spec); a busy one is five to ten times slower."""

console = Console()


def qlayer(*arguments: str, check: bool = True) -> int:
    """Run the command line with the demo's own data folder; what it prints goes to the terminal."""
    weights = Path(platformdirs.user_data_dir("qlayer")) / "weights"
    environment = {
        **os.environ,
        "QLAYER_DATA_DIR": str(WORK / "data"),
        "QLAYER_WEIGHTS_DIR": os.environ.get("QLAYER_WEIGHTS_DIR", str(weights)),
        "QLAYER_MODEL": MODEL,
    }
    command = [sys.executable, "-m", "qlayer.cli.main", *arguments]
    return subprocess.run(command, env=environment, check=check).returncode


def generate(name: str) -> CapsuleManifest:
    """One spec to one capsule, watched live; returns the capsule's manifest."""
    console.rule(f"examples/{name}.md")
    out = WORK / name
    shutil.rmtree(out, ignore_errors=True)
    status = qlayer("generate", "--file", str(HERE / f"{name}.md"), "--out", str(out), *BUDGET, check=False)
    manifest_path = out / ".qlayer" / "manifest.json"
    if not manifest_path.is_file():
        sys.exit(f"qlayer generate ended with status {status} and left no capsule")
    qlayer("capsule", "verify", str(out))
    return CapsuleManifest.model_validate_json(manifest_path.read_bytes())


@contextmanager
def stack() -> Iterator[None]:
    qlayer("up")
    try:
        yield
    finally:
        qlayer("down")


def run_service(folder: Path) -> str:
    """Start the exported service as its README says, talk to it, stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port), "--log-level", "warning"]
    server = subprocess.Popen(command, cwd=folder)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            _await(server, client)
            made = client.post("/books", json={"title": "Dune", "pages": 412})
            lent = client.post(f"/books/{made.json()['id']}/lend")
            stats = client.get("/books/stats")
        return (
            f"POST /books {made.status_code}, lend {lent.status_code}, stats {stats.status_code} {stats.text}"
        )
    finally:
        server.terminate()
        server.wait(timeout=60)


def _await(server: subprocess.Popen[bytes], client: httpx.Client, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        try:
            client.get("/openapi.json").raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.2)
    sys.exit("the exported service did not come up")


def summary(manifests: dict[str, CapsuleManifest]) -> Table:
    table = Table(title="what was made")
    for column in ("spec", "level", "allowed", "tries", "tokens", "seconds", "capsule", "lies in"):
        table.add_column(column, overflow="fold")
    for name, manifest in manifests.items():
        table.add_row(
            name,
            str(manifest.decision.level),
            "yes" if manifest.decision.allow else "no",
            str(len(manifest.attempts)),
            str(manifest.usage.completion_tokens),
            f"{manifest.seconds:.0f}",
            manifest.id.removeprefix("sha256:")[:12],
            f".qlayer/demo/{name}",
        )
    return table


def main() -> None:
    began = time.monotonic()
    qlayer("models", "pull", MODEL)
    pulled = time.monotonic()
    with stack():
        ready = time.monotonic()
        manifests = {name: generate(name) for name in SPECS}
    console.rule("the generated service, run from its exported folder")
    console.print(run_service(WORK / "service"))
    console.print(summary(manifests))
    console.print(
        f"weights {pulled - began:.0f} s, stack {ready - pulled:.0f} s, "
        f"all {time.monotonic() - began:.0f} s; nothing is left running"
    )


if __name__ == "__main__":
    main()
