"""The clock that records take as an argument, so that tests decide what time it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present moment with a time zone."""


def utc_now() -> datetime:
    return datetime.now(UTC)
