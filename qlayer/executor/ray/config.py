"""How many supervisors there are, and what each is given at once."""

from __future__ import annotations

from pydantic import Field

from qlayer.executor.base import ExecutorConfig


class RayConfig(ExecutorConfig):
    """The pool and its bounds. `workers` is per supervisor."""

    supervisors: int | None = Field(default=None, ge=1, le=1_024)
    """None: one for each living node."""
    batch: int = Field(default=20, ge=1, le=1_000)
    """Items of one call at most."""
    calls: int = Field(default=2, ge=1, le=16)
    """Calls in flight per supervisor: the next batch is there when one ends."""
    linger_s: float = Field(default=0.05, ge=0, le=10)
    """A finished result waits at most this long for others to share its reply."""
    cpus: float = Field(default=1.0, ge=0)
    """Ray's CPU tickets of one supervisor."""
    start_timeout_s: float = Field(default=120.0, gt=0)
