"""The driver's side of one place for a supervisor: starts it, feeds it, buries it, starts the next."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Generic

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from qlayer.executor.base import P, R, WorkerBuilder, WorkerDied
from qlayer.executor.dispatch import Dispatch, Ticket, cause_of
from qlayer.executor.ray.config import RayConfig
from qlayer.executor.ray.supervisor import Supervisor, SupervisorInfo

MAX_FAILED_STARTS = 5
"""In a row; then the supervisor's place stays empty."""
_FIRST_DELAY_S = 0.2
_CLOSE_S = 15.0


class Lane(Generic[P, R]):
    """The driver's side of one supervisor after the other at one place."""

    def __init__(
        self,
        dispatch: Dispatch[P, R],
        builder: WorkerBuilder[P, R],
        config: RayConfig,
        node: str,
        lanes: int,
        up: asyncio.Event,
    ) -> None:
        self._dispatch = dispatch
        self._builder = builder
        self._config = config
        self._node = node
        self._shares = lanes * config.calls
        self._up = up
        self._held: dict[int, Ticket[P, R]] = {}
        """Handed to the living supervisor and not answered, by number."""
        self._numbers = 0
        self._calls: set[asyncio.Task[None]] = set()
        self._gone = asyncio.Event()
        self._cause = ""
        self.info: SupervisorInfo | None = None

    async def serve(self) -> None:
        """Start, feed, bury, again. Raises when no supervisor can be started here any more."""
        failures = 0
        while True:
            actor = self._create()
            try:
                self.info = await actor.open.remote()
                failures = 0
                self._up.set()
                await self._drive(actor)
            except RayError as error:
                failures += 1
                if failures >= MAX_FAILED_STARTS or isinstance(error, RayTaskError):
                    raise _meant(error) from error
                await asyncio.sleep(_FIRST_DELAY_S * 2**failures)
            except asyncio.CancelledError:
                if self.info is not None:
                    await asyncio.shield(self._close(actor))
                raise
            finally:
                self.info = None
                with suppress(RayError):
                    ray.kill(actor)

    def _create(self) -> Any:
        remote: Any = ray.remote(Supervisor)
        return remote.options(
            num_cpus=self._config.cpus,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=1_000,
            # Soft: where the node is gone, any other will do.
            scheduling_strategy=NodeAffinitySchedulingStrategy(self._node, soft=True),
        ).remote(self._builder, self._config.workers, self._config.linger_s)

    async def _drive(self, actor: Any) -> None:
        """Returns when the supervisor is gone, everything that it had put back."""
        self._gone.clear()
        tasks = [
            asyncio.create_task(self._watch(actor)),
            asyncio.create_task(self._feed(actor)),
            asyncio.create_task(self._gone.wait()),
        ]
        try:
            finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                task.result()
        finally:
            every = [*tasks, *self._calls]
            for task in every:
                task.cancel()
            await asyncio.gather(*every, return_exceptions=True)
            self._calls.clear()
            self._bury()

    def _bury(self) -> None:
        held, self._held = self._held, {}
        for ticket in held.values():
            if ticket.suspect:  # and so it was alone
                self._dispatch.died(ticket, self._cause)
            else:
                self._dispatch.suspect(ticket)

    async def _watch(self, actor: Any) -> None:
        try:
            await actor.watch.remote()
        except RayError as error:
            self._cause = cause_of(error)

    async def _feed(self, actor: Any) -> None:
        while True:
            while len(self._calls) >= self._config.calls:
                await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
            if self._calls:
                await asyncio.sleep(0)  # a supervisor without work comes first
            ticket = await self._dispatch.queue.get()
            if ticket.suspect:
                await self._alone(actor, ticket)
            else:
                self._start_call(actor, [ticket, *self._more()])

    async def _alone(self, actor: Any, ticket: Ticket[P, R]) -> None:
        try:
            while self._calls:
                await asyncio.wait(self._calls)
            await actor.alive.remote()
        except (asyncio.CancelledError, RayError):
            self._dispatch.again(ticket)
            raise
        await asyncio.wait((self._start_call(actor, [ticket]),))

    def _more(self) -> list[Ticket[P, R]]:
        """The rest of a batch: a fair share of what waits, so that no supervisor is left without."""
        queue = self._dispatch.queue
        share = min(self._config.batch, -(-(len(queue) + 1) // self._shares))
        more: list[Ticket[P, R]] = []
        while len(more) + 1 < share and (ticket := queue.take()) is not None:
            if ticket.suspect:
                self._dispatch.again(ticket)
                break
            more.append(ticket)
        return more

    def _start_call(self, actor: Any, tickets: list[Ticket[P, R]]) -> asyncio.Task[None]:
        numbered = {}
        for ticket in tickets:
            self._numbers += 1
            numbered[self._numbers] = ticket
            ticket.abandon = lambda number=self._numbers: self._abandon(actor, number)
        self._held |= numbered
        call = asyncio.create_task(self._call(actor, numbered))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return call

    def _abandon(self, actor: Any, number: int) -> None:
        self._held.pop(number, None)
        actor.abandon.remote(number)

    async def _call(self, actor: Any, tickets: dict[int, Ticket[P, R]]) -> None:
        payloads = [(number, ticket.item.payload) for number, ticket in tickets.items()]
        try:
            async for reply in actor.work.remote(payloads):
                results = await reply
                for number, result in results:
                    self._settle(number, result)
        except RayTaskError as error:  # a defect of the supervisor's own
            for number in tickets:
                self._settle(number, _meant(error))
        except RayError as error:
            self._cause = cause_of(error)
            self._gone.set()

    def _settle(self, number: int, result: Any) -> None:
        ticket = self._held.pop(number, None)
        if ticket is None:
            return
        if isinstance(result, WorkerDied):
            self._dispatch.died(ticket, result.message)
        elif isinstance(result, BaseException):
            self._dispatch.broke(ticket, result)
        else:
            self._dispatch.finish(ticket, result)

    async def _close(self, actor: Any) -> None:
        """Let it close its worker before its process ends."""
        with suppress(RayError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await actor.close.remote()


def _meant(error: RayError) -> BaseException:
    """The worker's own exception inside Ray's wrapper."""
    cause: BaseException = error.as_instanceof_cause() if isinstance(error, RayTaskError) else error  # type: ignore[no-untyped-call]
    inner = getattr(cause, "cause", None)
    return inner if isinstance(inner, BaseException) else cause
