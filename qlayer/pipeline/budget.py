"""What a run has spent, kept against what it may spend: a fold over the record, so it survives resumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


WHOLE = Share(tokens=0, seconds=0.0)
"""Nothing is kept back."""


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
        self._reserved = 0
        self._paused_s = 0.0

    @property
    def tokens_left(self) -> int:
        """Neither spent nor promised to an answer that is being written."""
        return max(0, self._budget.tokens - self._tokens - self._reserved)

    @property
    def seconds_spent(self) -> float:
        return self._earlier_s + self._clock() - self._since - self._paused_s

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._budget.seconds - self.seconds_spent)

    def spend(self, tokens: int) -> None:
        self._tokens += tokens

    @contextmanager
    def reserved(self, tokens: int) -> Iterator[None]:
        """Promise tokens to an answer, so that those written beside it do not count on them."""
        self._reserved += tokens
        try:
            yield
        finally:
            self._reserved -= tokens

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Seconds that pass meanwhile are not spent: a person is thinking."""
        since = self._clock()
        try:
            yield
        finally:
            self._paused_s += self._clock() - since

    def share(self, parts: int, *, most: Share | None = None) -> Share:
        """What to leave so that each of `parts` parts, the present one included, gets the same.

        The present one gets `most` at most.
        """
        keep = 1 - 1 / parts
        tokens, seconds = int(self.tokens_left * keep), self.seconds_left * keep
        if most is None:
            return Share(tokens, seconds)
        return Share(
            max(tokens, self.tokens_left - most.tokens), max(seconds, self.seconds_left - most.seconds)
        )

    def affordable(self, tokens: int, kept_back: Share = WHOLE) -> int:
        """How many answers of so many tokens each can be written side by side; at least one."""
        return max(1, (self.tokens_left - kept_back.tokens) // tokens)

    def check_seconds(self) -> None:
        """Raise `BudgetExceeded` when no second is left."""
        if self.seconds_left <= 0:
            raise BudgetExceeded(
                f"the budget of {self._budget.seconds:g} seconds is used up", resource="seconds"
            )

    def check(self, kept_back: Share = WHOLE) -> None:
        """Raise `BudgetExceeded` when another sample cannot be afforded beside what is kept back."""
        if self.tokens_left < min(MIN_SAMPLE_TOKENS, self._budget.tokens):
            raise BudgetExceeded(f"the budget of {self._budget.tokens} tokens is used up", resource="tokens")
        self.check_seconds()
        if kept_back.tokens and self.tokens_left <= kept_back.tokens:
            raise BudgetExceeded("its share of the budget's tokens is used up", resource="tokens")
        if kept_back.seconds and self.seconds_left <= kept_back.seconds:
            raise BudgetExceeded("its share of the budget's seconds is used up", resource="seconds")
