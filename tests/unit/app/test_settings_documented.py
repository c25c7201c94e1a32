"""The table of settings that operators read names every setting there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qlayer.app.settings import Settings

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_in_the_table(name: str) -> None:
    rows = [line.split("|")[1] for line in OPERATIONS.read_text().splitlines() if line.startswith("| `")]
    documented = {match for row in rows for match in re.findall(r"`([a-z_]+?)(?:__[a-z_.]+)?`", row)}
    assert name in documented
