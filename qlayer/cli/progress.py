"""What is known of a run while it goes on: a fold over its events and the live text between them."""

from __future__ import annotations

from qlayer.events.base import LiveText
from qlayer.types.check import CheckResult, Decision
from qlayer.types.choice import Selected, WavePlanned
from qlayer.types.frozen import Frozen
from qlayer.types.ids import CapsuleId, Digest, RunId
from qlayer.types.policy import PolicyDecision
from qlayer.types.run import (
    Checked,
    Decided,
    Finished,
    Governed,
    ImageBuilt,
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
    release: PolicyDecision | None = None
    """What the release policy says; None: it was not asked."""
    image: Digest | None = None
    exported_to: str | None = None


class RunProgress:
    """Follows one run. `show` takes what a feed yields, in order."""

    def __init__(self) -> None:
        self.budget = Budget()
        self.tries: dict[int, str] = {}
        """What became of each try at the slot under work, in a few characters."""
        self.chosen: int | None = None
        self.alike: tuple[tuple[int, ...], ...] = ()
        """Tries grouped by what their programs do."""
        self.checks: dict[str, CheckResult] = {}
        """The latest result by check."""
        self.slots: tuple[str, ...] = ()
        self.settled: list[str] = []
        self.result: RunResult | None = None
        self._usage = TokenUsage()
        self._streams: dict[tuple[str, int], list[str]] = {}
        self._decided: Decided | None = None
        self._capsule: CapsuleId | None = None
        self._governed: PolicyDecision | None = None
        self._image: Digest | None = None

    @property
    def tokens(self) -> int:
        """Generated tokens. A piece of live text counts as one until the try's usage is known."""
        return self._usage.completion_tokens + sum(map(len, self._streams.values()))

    @property
    def writing(self) -> str:
        """Which slot and try the model writes, while it does: of several the one that began first."""
        if not self._streams:
            return ""
        (slot, attempt), beside = next(iter(self._streams)), len(self._streams) - 1
        return f"{slot}, try {attempt + 1}" + (f" and {beside} beside it" if beside else "")

    @property
    def text(self) -> str:
        """What it has written of that try."""
        return "".join(next(iter(self._streams.values()), []))

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
            case WavePlanned():
                self.tries |= dict.fromkeys(event.body.attempts, "...")
            case Sampled():
                self._usage += event.body.usage
                self._streams.pop((event.body.slot, event.body.attempt), None)
                if event.body.finish_reason == "cancelled":
                    self.tries[event.body.attempt] = "not needed"
            case Checked():
                self._show_checks(event.body.checks)
                self.tries[event.body.attempt] = _state(event.body)
            case Selected():
                self.chosen, self.alike = event.body.chosen, event.body.groups
            case SlotSettled():
                self.settled.append(event.body.slot)
                self.tries, self.chosen, self.alike = {}, None, ()
            case Decided():
                self._decided = event.body
                self.checks = {}
                self._show_checks(event.body.checks)
            case Packed():
                self._capsule = event.body.capsule
            case Governed():
                self._governed = event.body.decision
            case ImageBuilt():
                self._image = event.body.image
            case Finished():
                self.result = self._result(event.run_id, event.body)
            case _:
                pass

    def _show_text(self, text: LiveText) -> None:
        self._streams.setdefault((text.slot, text.attempt), []).append(text.text)

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
            release=self._governed,
            image=self._image,
        )


def _state(checked: Checked) -> str:
    if checked.same_as is not None:
        return f"= {checked.same_as + 1}"
    return f"{checked.passed}/{checked.total}" if checked.checks else "does not run"
