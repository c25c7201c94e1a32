"""Typed configurations of the sandbox backends: a union, one member per backend."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qlayer.types.frozen import Frozen
from qlayer.types.verdict import Tier


class WarmConfig(Frozen):
    """The warm-fork backend."""

    backend: Literal["warm"] = "warm"
    minimum_tier: Tier = Tier.USERNS
    """Refuse to start below this. `none` must be asked for by name and is meant for tests only."""
    workers: int = Field(default=2, ge=1, le=256)
    """Zygotes, each running one job at a time."""


class FakeConfig(Frozen):
    """The fake, for unit tests of other parts."""

    backend: Literal["fake"] = "fake"


SandboxConfig = WarmConfig | FakeConfig
