"""What is known of a run while it goes on: a fold over its events and the live text between them."""

from __future__ import annotations

from qlayer.events.base import LiveText
from qlayer.types.check import CheckResult, Decision
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId, RunId
from qlayer.types.run import (
    Checked,
    Decided,
    Finished,
    Packed,
    RunEvent,
    RunStatus,
    Sampled,
    SkeletonBuilt,
    SlotSettled,
    Submitted,
)
from qlayer.types.usage import Budget, TokenUsage


class RunResult(Frozen):
    """How a run ended."""

    run_id: RunId
    status: RunStatus
    reason: str
    capsule: CapsuleId | None
    decision: Decision | None
    checks: tuple[CheckResult, ...]
    usage: TokenUsage
    seconds: float
    exported_to: str | None = None


class RunProgress:
    """Follows one run. `show` takes what a feed yields, in order."""

    def __init__(self) -> None:
        self.budget = Budget()
        self.writing = ""
        """Which slot and try the model writes, while it does."""
        self.text = ""
        """What it has written of that try."""
        self.checks: dict[str, CheckResult] = {}
        """The latest result by check."""
        self.slots: tuple[str, ...] = ()
        self.settled: list[str] = []
        self.result: RunResult | None = None
        self._usage = TokenUsage()
        self._pieces = 0
        self._decided: Decided | None = None
        self._capsule: CapsuleId | None = None

    @property
    def tokens(self) -> int:
        """Generated tokens. A piece of live text counts as one until the try's usage is known."""
        return self._usage.completion_tokens + self._pieces

    def show(self, event: RunEvent | LiveText) -> None:
        if isinstance(event, LiveText):
            self._show_text(event)
            return
        match event.body:
            case Submitted():
                self.budget = event.body.request.budget
            case SkeletonBuilt():
                self.slots = event.body.slots
                self._show_checks(event.body.checks)
            case Sampled():
                self._usage += event.body.usage
                self._pieces = 0
                self.writing = ""
            case Checked():
                self._show_checks(event.body.checks)
            case SlotSettled():
                self.settled.append(event.body.slot)
            case Decided():
                self._decided = event.body
                self.checks = {}
                self._show_checks(event.body.checks)
            case Packed():
                self._capsule = event.body.capsule
            case Finished():
                self.result = self._result(event.run_id, event.body)
            case _:
                pass

    def _show_text(self, text: LiveText) -> None:
        writing = f"{text.slot}, try {text.attempt + 1}"
        if writing != self.writing:
            self.writing, self.text, self._pieces = writing, "", 0
        self.text += text.text
        self._pieces += 1

    def _show_checks(self, checks: tuple[CheckResult, ...]) -> None:
        self.checks |= {check.check: check for check in checks}

    def _result(self, run_id: RunId, finished: Finished) -> RunResult:
        return RunResult(
            run_id=run_id,
            status=finished.status,
            reason=finished.reason,
            capsule=self._capsule,
            decision=self._decided.decision if self._decided else None,
            checks=self._decided.checks if self._decided else (),
            usage=finished.usage,
            seconds=finished.seconds,
        )
