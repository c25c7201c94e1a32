"""The scanners that are used when nobody says otherwise."""

from __future__ import annotations

from qlayer.scan.base import Scanner
from qlayer.scan.secrets import DetectSecrets
from qlayer.scan.spawned import GITLEAKS, HADOLINT, RUFF, SHELLCHECK

ALL: tuple[Scanner, ...] = (DetectSecrets(), GITLEAKS, RUFF, HADOLINT, SHELLCHECK)
