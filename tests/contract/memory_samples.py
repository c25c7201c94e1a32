"""Corrections to test what keeps and uses them with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from qlayer.types.check import Decision, Level
from qlayer.types.ids import CapsuleId, RunId, sha256
from qlayer.types.memory import ACCEPTED_BUT_WRONG, Correction, Mistake

RUN = RunId("run-000000000001-aaaaaaaa")
ALLOWED = Decision(level=Level.V2, allow=True, reasons=("examples: all 2 trusted cases pass",))
WRONG = "def add(a: int, b: int) -> int:\n    return a - b\n"
RIGHT = "def add(a: int, b: int) -> int:\n    return a + b\n"


def sample_correction(name: str = "one", **changed: Any) -> Correction:
    """A correction that differs from others by its `name`."""
    facts: dict[str, Any] = {
        "capsule": CapsuleId(sha256(f"before {name}".encode())),
        "corrected": CapsuleId(sha256(f"after {name}".encode())),
        "run_id": RUN,
        "spec": sha256(name.encode()),
        "template": "function",
        "slot": "add",
        "brief": f"add {name}",
        "system": "You are a programmer.",
        "prompt": f"Write add for {name}.",
        "wrong": WRONG,
        "right": RIGHT,
        "mistake": Mistake(signature=ACCEPTED_BUT_WRONG),
        "before": ALLOWED,
        "after": ALLOWED,
        "who": "ada",
        "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    return Correction(**facts | changed)
