"""What a run has spent, kept against what it may spend: a fold over the record, so it survives resumes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from qlayer.errors import BudgetExceeded
from qlayer.types.run import RunRecord, worked_seconds
from qlayer.types.usage import Budget

MIN_SAMPLE_TOKENS = 32
"""Fewer tokens than this cannot hold a useful function; the budget counts as used up."""


class Share(NamedTuple):
    """How much must stay for the parts that come later."""

    tokens: int
    seconds: float


class BudgetMeter:
    """Counts generated tokens and wall seconds of one run.

    `clock` gives seconds that only grow (``time.monotonic``). Seconds of earlier, killed sessions are taken
    from the record: from each `Started` event to the last event before the next one.
    """

    def __init__(self, budget: Budget, record: RunRecord, clock: Callable[[], float]) -> None:
        self._budget = budget
        self._clock = clock
        self._since = clock()
        self._earlier_s = worked_seconds(record.events)
        self._tokens = record.usage.completion_tokens

    @property
    def tokens_left(self) -> int:
        return max(0, self._budget.tokens - self._tokens)

    @property
    def seconds_spent(self) -> float:
        return self._earlier_s + self._clock() - self._since

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._budget.seconds - self.seconds_spent)

    def spend(self, tokens: int) -> None:
        self._tokens += tokens

    def share(self, parts: int) -> Share:
        """What to leave so that each of `parts` parts, the present one included, gets the same."""
        keep = 1 - 1 / parts
        return Share(tokens=int(self.tokens_left * keep), seconds=self.seconds_left * keep)

    def exceeds(self, share: Share) -> bool:
        """Whether the present part has used what it may."""
        return self.tokens_left <= share.tokens or self.seconds_left <= share.seconds

    def check(self) -> None:
        """Raise `BudgetExceeded` when another sample cannot be afforded."""
        if self.tokens_left < min(MIN_SAMPLE_TOKENS, self._budget.tokens):
            raise BudgetExceeded(f"the budget of {self._budget.tokens} tokens is used up", resource="tokens")
        if self.seconds_left <= 0:
            raise BudgetExceeded(
                f"the budget of {self._budget.seconds:g} seconds is used up", resource="seconds"
            )
