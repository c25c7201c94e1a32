"""The scanners that are used when nobody says otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from qlayer.scan.base import Scanner
from qlayer.scan.deep import MYPY, SEMGREP
from qlayer.scan.dependencies import KnownAdvisories, Licences, Reader
from qlayer.scan.helm import Helm
from qlayer.scan.kubernetes import Kubernetes
from qlayer.scan.secrets import DetectSecrets
from qlayer.scan.spawned import GITLEAKS, HADOLINT, RUFF, SHELLCHECK
from qlayer.scan.weaknesses import Bandit
from qlayer.scan.workflows import ACTIONLINT

Profile = Literal["fast", "full"]

DELIVERY: tuple[Scanner, ...] = (ACTIONLINT, HADOLINT, Helm(), Kubernetes())
"""For pipelines, containers, charts and manifests."""


def scanners(
    profile: Profile, read: Reader, *, advisories: Path | None = None, semgrep: Path | None = None
) -> tuple[Scanner, ...]:
    """``fast``: what takes well under a second each. ``full``: all there are.

    `read` names a project's dependencies; `advisories` is a folder of OSV entries beside the shipped ones;
    `semgrep` is its executable, in an environment of its own because its pins fit with nobody else's.
    """
    own: tuple[Scanner, ...] = (Bandit(), DetectSecrets(), KnownAdvisories(read, advisories), Licences(read))
    fast: tuple[Scanner, ...] = (*own, RUFF, SHELLCHECK, *DELIVERY)
    return fast if profile == "fast" else (*fast, GITLEAKS, MYPY, replace(SEMGREP, executable=semgrep))
