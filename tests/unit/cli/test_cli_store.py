"""``qlayer store`` at a terminal, on a capsule that a run made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def test_the_store_is_weighed_collected_and_scrubbed(
    qlayer: Run, fakes: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = tmp_path / "blobs"
    monkeypatch.setenv("QLAYER_BLOBS_URL", str(blobs))
    fakes(lambda _: "```python\ndef add(a: int, b: int) -> int:\n    return a + b\n```")
    made = qlayer("generate", "def add(a: int, b: int) -> int: the sum. add(1, 2) == 3", "--local", "--json")
    assert made.exit_code == 0, made.output
    garbage = blobs / "ab" / ("0" * 62)
    garbage.parent.mkdir(exist_ok=True)
    garbage.write_bytes(b"nobody's")

    stats = json.loads(qlayer("store", "stats", "--json").stdout)
    assert stats["stock"]["capsules"] == 1 and stats["bucket"] is None
    assert json.loads(qlayer("store", "gc", "--json").stdout)["young"]["blobs"] == 1
    told = json.loads(qlayer("store", "gc", "--grace", "0", "--dry-run", "--json").stdout)
    assert told["set_aside"]["blobs"] == 1 and garbage.exists()
    assert "set aside in the trash" in qlayer("store", "gc", "--grace", "0").output
    assert not garbage.exists()
    assert qlayer("store", "scrub").exit_code == 0

    victim = next(path for path in blobs.glob("[0-9a-f][0-9a-f]/*"))
    victim.write_bytes(b"damaged")
    found = qlayer("store", "scrub", "--json")
    assert found.exit_code == 1 and len(json.loads(found.stdout)["damaged"]) == 1


def test_a_directory_has_no_links(qlayer: Run) -> None:
    refused = qlayer("store", "link", "sha256:" + "0" * 64)
    assert refused.exit_code == 3 and "s3://" in refused.output
    assert qlayer("store", "link", "nonsense").exit_code == 2
