"""Following runs by reading their record again and again, with live text in between.

The record is the only source of durable events, so a feed needs no state of its own and any process can
follow any run. Live text goes from `publish` to whoever follows in the same process and is lost otherwise.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from qlayer.errors import InputError
from qlayer.events.base import LiveText, Outbox
from qlayer.types.ids import RunId
from qlayer.types.run import Finished, RunEvent

PAGE = 500
"""Events read at once."""
LIVE_BACKLOG = 1_000
"""Pieces of live text kept for a follower that does not take them; older ones are lost."""


class OutboxFeed:
    """`EventFeed` over an `Outbox`. Belongs to one event loop: call `publish` and `notify` from its thread.

    `poll_s` is how long an event may stay unseen. After `notify` it is seen at once.
    """

    def __init__(self, outbox: Outbox, poll_s: float = 0.2) -> None:
        self._outbox = outbox
        self._poll_s = poll_s
        self._followers: dict[RunId, set[_Follower]] = {}

    async def follow(self, run_id: RunId, *, after: int = 0) -> AsyncGenerator[RunEvent | LiveText, None]:
        """See `EventFeed.follow`. Also raises `InputError` when the run has no event `after` yet."""
        if await self._ends_at(run_id, after):
            return
        with self._following(run_id) as follower:
            while True:
                events = await self._outbox.history(run_id, after=after, limit=PAGE)
                for event in events:
                    yield event
                    if isinstance(event.body, Finished):
                        return
                    after = event.seq
                if len(events) == PAGE:
                    continue
                until = asyncio.get_running_loop().time() + self._poll_s
                while (texts := await follower.wait(until)) is not None:
                    for text in texts:
                        yield text

    def publish(self, text: LiveText) -> None:
        for follower in self._followers.get(text.run_id, ()):
            follower.show(text)

    def notify(self, run_id: RunId) -> None:
        """Say that something was appended, so that followers in this process need not wait for their poll."""
        for follower in self._followers.get(run_id, ()):
            follower.look()

    def followers(self, run_id: RunId) -> int:
        """How many follow this run in this process."""
        return len(self._followers.get(run_id, ()))

    async def _ends_at(self, run_id: RunId, after: int) -> bool:
        """Whether event `after` is the run's end, so that nothing will ever follow it."""
        if after <= 0:
            return False
        last = await self._outbox.history(run_id, after=after - 1, limit=1)
        if not last:
            raise InputError(
                f"{run_id} has no event {after} yet", field="after", limit="the last event's number"
            )
        return isinstance(last[0].body, Finished)

    @contextmanager
    def _following(self, run_id: RunId) -> Iterator[_Follower]:
        follower = _Follower()
        followers = self._followers.setdefault(run_id, set())
        followers.add(follower)
        try:
            yield follower
        finally:
            followers.discard(follower)
            if not followers:
                self._followers.pop(run_id, None)


class _Follower:
    """One reader's live text, and the bell that wakes it."""

    def __init__(self) -> None:
        self._waiting: deque[LiveText] = deque(maxlen=LIVE_BACKLOG)
        self._shown: tuple[str, int] | None = None
        self._bell = asyncio.Event()
        self._look = False

    def show(self, text: LiveText) -> None:
        self._waiting.append(text)
        self._bell.set()

    def look(self) -> None:
        self._look = True
        self._bell.set()

    async def wait(self, until: float) -> tuple[LiveText, ...] | None:
        """Text that came, or None when it is time to look at the record again.

        That is at `until` (the loop's time), when notified, and before the text of a new attempt, so that a
        reader first sees what led to it.
        """
        if asyncio.get_running_loop().time() >= until:  # a stream that never pauses must not hide the record
            return None
        try:
            async with asyncio.timeout_at(until):
                await self._bell.wait()
        except TimeoutError:
            return None
        texts = None if self._look else self._of_this_attempt()
        self._look = False
        if not self._waiting:
            self._bell.clear()
        return texts

    def _of_this_attempt(self) -> tuple[LiveText, ...] | None:
        """The waiting text of one attempt; None when that is not the attempt shown last."""
        attempt = _attempt(self._waiting[0])
        if attempt != self._shown:
            self._shown = attempt
            return None
        texts = []
        while self._waiting and _attempt(self._waiting[0]) == attempt:
            texts.append(self._waiting.popleft())
        return tuple(texts)


def _attempt(text: LiveText) -> tuple[str, int]:
    return text.slot, text.attempt
