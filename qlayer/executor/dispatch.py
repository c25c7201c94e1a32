"""What executors share: batches go in at one side, tickets come out at the other, answers go back.

A ticket is one piece of work under one key; every batch that holds the key waits for the same ticket. How a
ticket is worked on is the executor's own: it takes tickets, and says `finish`, `died` or `broke` of each.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple

from qlayer.executor.base import MAX_TRIES, Answer, ExecutorError, Item, P, Quarantined, R
from qlayer.executor.fair import FairQueue
from qlayer.types.ids import Digest


@dataclass(eq=False)
class Ticket(Generic[P, R]):
    """One piece of work and who waits for it."""

    item: Item[P]
    waiting: list[tuple[_Batch[R], int]] = field(default_factory=list)
    deaths: int = 0
    """How often its worker died while it was the only suspect."""
    suspect: bool = False
    """A worker died that had it, maybe among others: it is tried alone now, to know which of them it was."""
    abandon: Callable[[], None] | None = None
    """Ends the work on it; set by the executor while it is worked on."""


class _Broken(NamedTuple):
    error: BaseException


class _Batch(Generic[R]):
    """One call of `run`: its inbox, and how many of its items are under way."""

    def __init__(self, known: MutableMapping[Digest, R], lookahead: int) -> None:
        self.known = known
        self.room = asyncio.Semaphore(lookahead)
        self.inbox: asyncio.Queue[Answer[R] | _Broken | None] = asyncio.Queue()
        """None: the intake has ended."""
        self.owed = 0


class Dispatch(Generic[P, R]):
    """The exactly-once rule, fairness among tenants, bounds and quarantine, for one event loop."""

    def __init__(self, lookahead: int) -> None:
        self.queue: FairQueue[Ticket[P, R]] = FairQueue()
        self._lookahead = lookahead
        self._open: dict[Digest, Ticket[P, R]] = {}
        self._batches: set[_Batch[R]] = set()
        self._failed: BaseException | None = None

    async def run(
        self, items: AsyncIterator[Item[P]], known: MutableMapping[Digest, R] | None
    ) -> AsyncGenerator[Answer[R], None]:
        """See `Executor.run`."""
        if self._failed is not None:
            raise self._failed
        batch: _Batch[R] = _Batch({} if known is None else known, self._lookahead)
        self._batches.add(batch)
        intake = asyncio.create_task(self._take_in(items, batch), name="executor-intake")
        ended = False
        try:
            while not ended or batch.owed:
                said = await batch.inbox.get()
                if isinstance(said, _Broken):
                    raise said.error
                if said is None:
                    ended = True
                    continue
                yield said
                batch.owed -= 1
                batch.room.release()
        finally:
            self._batches.discard(batch)
            intake.cancel()
            with suppress(asyncio.CancelledError):
                await intake
            self._leave(batch)

    async def _take_in(self, items: AsyncIterator[Item[P]], batch: _Batch[R]) -> None:
        position = 0
        try:
            while True:
                await batch.room.acquire()  # before the next item is asked for: it need not exist yet
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    break
                batch.owed += 1
                self._admit(item, batch, position)
                position += 1
        except Exception as error:  # the caller's iterator broke: it belongs to who reads the answers
            batch.inbox.put_nowait(_Broken(error))
        batch.inbox.put_nowait(None)

    def _admit(self, item: Item[P], batch: _Batch[R], position: int) -> None:
        if item.key in batch.known:
            batch.inbox.put_nowait(Answer(position, item.key, batch.known[item.key]))
            return
        ticket = self._open.get(item.key)
        if ticket is None:
            ticket = self._open[item.key] = Ticket(item)
            self.queue.put(item.tenant, ticket)
        ticket.waiting.append((batch, position))

    def _leave(self, batch: _Batch[R]) -> None:
        """The batch is over: end the work that it alone waited for."""
        for ticket in list(self._open.values()):
            ticket.waiting = [entry for entry in ticket.waiting if entry[0] is not batch]
            if ticket.waiting:
                continue
            del self._open[ticket.item.key]
            self.queue.discard(ticket.item.tenant, ticket)
            if ticket.abandon is not None:
                ticket.abandon()

    def wanted(self, ticket: Ticket[P, R]) -> bool:
        """False when nobody waits for it any more."""
        return self._open.get(ticket.item.key) is ticket

    def finish(self, ticket: Ticket[P, R], result: R | Quarantined) -> None:
        """Answer everybody who waits. A ticket that was answered or abandoned before is left alone."""
        if not self.wanted(ticket):
            return
        del self._open[ticket.item.key]
        for batch, position in ticket.waiting:
            try:
                if not isinstance(result, Quarantined):
                    batch.known[ticket.item.key] = result
            except Exception as error:  # the caller's own record broke: its batch ends, nobody else's
                batch.inbox.put_nowait(_Broken(error))
            else:
                batch.inbox.put_nowait(Answer(position, ticket.item.key, result))

    def died(self, ticket: Ticket[P, R], cause: str) -> None:
        """Its worker died while it alone was worked on: tried again, or quarantined."""
        ticket.deaths += 1
        if ticket.deaths < MAX_TRIES:
            self.again(ticket)
            return
        text = f"quarantined: what ran it died {ticket.deaths} times under it alone ({cause})"
        self.finish(ticket, Quarantined(cause=text, tries=ticket.deaths))

    def suspect(self, ticket: Ticket[P, R]) -> None:
        """Its worker died, and it may have been another's doing: to be tried alone."""
        ticket.suspect = True
        self.again(ticket)

    def again(self, ticket: Ticket[P, R]) -> None:
        """Put a ticket back that was taken and not begun, or whose worker was not to blame."""
        ticket.abandon = None
        if self.wanted(ticket):
            self.queue.put(ticket.item.tenant, ticket, first=True)

    def broke(self, ticket: Ticket[P, R], error: BaseException) -> None:
        """A defect in the worker: the batches that wait for the item end with it."""
        if self._open.pop(ticket.item.key, None) is ticket:
            for batch, _ in ticket.waiting:
                batch.inbox.put_nowait(_Broken(error))

    def fail(self, error: BaseException) -> None:
        """The executor cannot go on: every batch ends with the error, and so does every later one."""
        self._failed = error
        for batch in self._batches:
            batch.inbox.put_nowait(_Broken(error))

    def lane_ended(self, lane: asyncio.Task[None]) -> None:
        """For `add_done_callback`: a lane that broke must not leave its batches waiting."""
        if not lane.cancelled() and (error := lane.exception()) is not None:
            self.fail(error)

    def close(self) -> None:
        """No batch goes on behind the executor's back."""
        self.fail(ExecutorError("the executor was closed"))


def cause_of(error: BaseException) -> str:
    """One line about an error that came from anywhere."""
    lines: list[Any] = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
