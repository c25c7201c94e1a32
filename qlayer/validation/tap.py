"""What a program tells of its tests in TAP, the Test Anything Protocol, version 13 or 14."""

from __future__ import annotations

import re

from qlayer.types.check import CaseResult
from qlayer.types.verdict import Outcome

_LINE = re.compile(
    r"^(?P<failed>not )?ok \d+ - (?P<name>.*?)(?P<directive> # (?:SKIP|TODO)\b.*)?$", re.MULTILINE
)
"""A test of the top level; nested ones are indented, and their parent counts."""
_ESCAPED = re.compile(r"\\([\\#])")


def told_cases(stdout: bytes) -> tuple[CaseResult, ...]:
    """Each test that is told, in order. Skipped or still to do is not passed."""
    return tuple(
        CaseResult(
            name=_ESCAPED.sub(r"\1", line["name"]),
            outcome=Outcome.WRONG_ANSWER if line["failed"] or line["directive"] else Outcome.ACCEPTED,
        )
        for line in _LINE.finditer(stdout.decode("utf-8", "replace"))
    )
