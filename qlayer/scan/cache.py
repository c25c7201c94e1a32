"""What a scanner said of the same files before: one small file an answer, safe to delete at any time."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from qlayer.types.finding import Finding
from qlayer.types.ids import Digest

_FINDINGS: TypeAdapter[tuple[Finding, ...]] = TypeAdapter(tuple[Finding, ...])


class FindingsCache:
    """A folder of answers. One that cannot be read or written costs time, not the scan."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: Digest) -> tuple[Finding, ...] | None:
        try:
            return _FINDINGS.validate_json(self._place(key).read_bytes())
        except (OSError, ValidationError):
            return None

    def keep(self, key: Digest, findings: tuple[Finding, ...]) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as fresh:
                fresh.write(_FINDINGS.dump_json(findings))
            Path(fresh.name).replace(self._place(key))
        except OSError:
            return

    def _place(self, key: Digest) -> Path:
        return self._folder / f"{key.removeprefix('sha256:')}.json"
