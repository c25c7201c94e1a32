"""Something that a tool says about the source without running it."""

from __future__ import annotations

from enum import StrEnum

from qlayer.types.frozen import Frozen, added
from qlayer.types.source import TreePath


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Finding(Frozen):
    """One remark. It never decides by itself: a policy does."""

    tool: str
    """For example ``bandit``."""
    rule: str
    """The tool's own name of the rule, for example ``B602``."""
    severity: Severity
    message: str
    path: TreePath
    line: int | None = None
    """1-based; None when the finding is about the whole file."""
    hint: str = added("")
    """What to do about it."""
