"""The scanners that are used when nobody says otherwise."""

from __future__ import annotations

from qlayer.scan.base import Scanner
from qlayer.scan.secrets import DetectSecrets
from qlayer.scan.spawned import GITLEAKS, HADOLINT, RUFF, SHELLCHECK
from qlayer.scan.weaknesses import Bandit

ALL: tuple[Scanner, ...] = (Bandit(), DetectSecrets(), RUFF, HADOLINT, SHELLCHECK, GITLEAKS)
