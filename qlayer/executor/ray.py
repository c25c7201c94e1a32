"""An executor over Ray: trusted supervisor actors, one per node, each with a worker of its own.

The one file of the library that imports Ray, and whole for that; imported only where Ray was asked for. Items
travel in
batches, a few calls at a time per supervisor; results come back in small replies while the batch goes on.
A supervisor that dies is replaced, and what it had not finished is done by another: items that shared it are
suspects and are tried alone, so that only the one that kills is ever quarantined.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, MutableMapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from tempfile import TemporaryDirectory
from typing import Any, Generic, NamedTuple

import ray
from pydantic import Field
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from qlayer.errors import ConfigurationError
from qlayer.executor.base import (
    Answer,
    ExecutorConfig,
    ExecutorError,
    Item,
    P,
    R,
    Worker,
    WorkerBuilder,
    WorkerDied,
)
from qlayer.executor.dispatch import Dispatch, Ticket, cause_of
from qlayer.types.ids import Digest

MAX_FAILED_STARTS = 5
"""In a row; then the supervisor's place stays empty."""
_FIRST_DELAY_S = 0.2
_CLOSE_S = 15.0
MiB = 1024 * 1024


class RayConfig(ExecutorConfig):
    """The pool and its bounds. `workers` is per supervisor."""

    supervisors: int | None = Field(default=None, ge=1, le=1_024)
    """None: one for each living node."""
    batch: int = Field(default=20, ge=1, le=1_000)
    """Items of one call at most."""
    calls: int = Field(default=2, ge=1, le=16)
    """Calls in flight per supervisor: the next batch is there when one ends."""
    linger_s: float = Field(default=0.05, ge=0, le=10)
    """A finished result waits at most this long for others to share its reply."""
    cpus: float = Field(default=1.0, ge=0)
    """Ray's CPU tickets of one supervisor."""
    start_timeout_s: float = Field(default=120.0, gt=0)


class SupervisorInfo(NamedTuple):
    """Where a supervisor runs."""

    pid: int
    node: str


class Supervisor:
    """The actor: trusted code around one worker. A program never runs in its process.

    It ends with its raylet, and everything below it with it: the sandbox's keepers see to that.
    """

    def __init__(self, builder: WorkerBuilder[Any, Any], workers: int, linger_s: float) -> None:
        self._builder = builder
        self._room = asyncio.Semaphore(workers)
        self._linger_s = linger_s
        self._open = AsyncExitStack()
        self._worker: Worker[Any, Any] | None = None
        self._tasks: dict[int, asyncio.Task[Any]] = {}

    async def open(self) -> SupervisorInfo:
        # Ray lets an actor live on for a while when its raylet was killed. Nobody would own what is below it.
        raylet = os.pidfd_open(os.getppid())
        asyncio.get_running_loop().add_reader(raylet, os._exit, 1)
        self._worker = await self._open.enter_async_context(self._builder())
        return SupervisorInfo(os.getpid(), ray.get_runtime_context().get_node_id())

    async def alive(self) -> None:
        """Returns: it was up when a suspect was sent to it."""

    async def watch(self) -> None:
        """Never returns: its failure is the news that this process is gone."""
        await asyncio.Event().wait()

    async def work(self, items: Sequence[tuple[int, Any]]) -> AsyncIterator[list[tuple[int, Any]]]:
        """Pairs of an item's number and its result, or the exception that it ended with, as they come."""
        numbers: dict[asyncio.Task[Any], int] = {}
        for number, payload in items:
            task = asyncio.create_task(self._one(payload))
            self._tasks[number], numbers[task] = task, number
        try:
            while numbers:
                await asyncio.wait(numbers, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.wait(numbers, timeout=self._linger_s)
                done = [task for task in numbers if task.done()]
                replies = [(numbers.pop(task), _reply(task)) for task in done]
                for number, _ in replies:
                    del self._tasks[number]
                yield replies
        finally:
            for task in numbers:
                task.cancel()

    async def _one(self, payload: Any) -> Any:
        assert self._worker is not None
        async with self._room:
            return await self._worker(payload)

    async def abandon(self, number: int) -> None:
        """Nobody waits for this item any more."""
        if (task := self._tasks.get(number)) is not None:
            task.cancel()

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await self._open.aclose()


def _reply(task: asyncio.Task[Any]) -> Any:
    if task.cancelled():
        return WorkerDied("the item was cancelled")
    return task.exception() or task.result()


class RayExecutor(Generic[P, R]):
    """Works on items in supervisors. Ray must be initialised; it is not ended here."""

    def __init__(self, builder: WorkerBuilder[P, R], config: RayConfig | None = None) -> None:
        self._builder = builder
        self._config = config or RayConfig()
        self._dispatch: Dispatch[P, R] = Dispatch(self._config.lookahead)
        self._lanes: list[_Lane[P, R]] = []
        self._serving: list[asyncio.Task[None]] = []

    @property
    def supervisors(self) -> tuple[SupervisorInfo, ...]:
        """Those that are up now."""
        return tuple(lane.info for lane in self._lanes if lane.info is not None)

    async def __aenter__(self) -> RayExecutor[P, R]:
        """Start the supervisors and wait for the first. Raises what its builder raised."""
        if not ray.is_initialized():
            raise ConfigurationError("Ray is not initialised in this process")
        nodes = [n["NodeID"] for n in await asyncio.to_thread(ray.nodes) if n["Alive"]]
        count = self._config.supervisors or len(nodes)
        up = asyncio.Event()
        self._lanes = [
            _Lane(self._dispatch, self._builder, self._config, nodes[number % len(nodes)], count, up)
            for number in range(count)
        ]
        self._serving = [asyncio.create_task(lane.serve(), name="supervisor-lane") for lane in self._lanes]
        for task in self._serving:
            task.add_done_callback(self._lane_ended)
        try:
            await self._first(up)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _first(self, up: asyncio.Event) -> None:
        waiting = asyncio.create_task(up.wait())
        try:
            await asyncio.wait(
                (waiting, *self._serving),
                timeout=self._config.start_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            waiting.cancel()
        for task in self._serving:
            if task.done():
                task.result()
        if not up.is_set():
            raise ExecutorError(
                f"no supervisor came up in {self._config.start_timeout_s:.0f} s",
                hint="is there a node with a free CPU? `ray status` tells",
            )

    def _lane_ended(self, lane: asyncio.Task[None]) -> None:
        if all(task.done() for task in self._serving):
            self._dispatch.lane_ended(lane)
        elif not lane.cancelled():
            lane.exception()  # the others go on; asyncio need not complain of it

    async def __aexit__(self, *exc: object) -> None:
        self._dispatch.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def run(
        self, items: AsyncIterator[Item[P]], known: MutableMapping[Digest, R] | None = None
    ) -> AsyncGenerator[Answer[R], None]:
        """See `Executor.run`."""
        return self._dispatch.run(items, known)


class _Lane(Generic[P, R]):
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


@contextmanager
def own_ray(cpus: int) -> Iterator[None]:
    """A Ray of this process's own on loopback, ended with it; one that is initialised already is used."""
    if ray.is_initialized():
        yield
        return
    with TemporaryDirectory(prefix="qx-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        ray.init(
            address="local",
            num_cpus=cpus,
            object_store_memory=100 * MiB,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,  # a short path: those of Ray's sockets hold 107 characters
            # Ray runs its workers at nice 15, which would starve them beside the driver.
            _system_config={"worker_niceness": 0},
        )
        try:
            yield
        finally:
            ray.shutdown()
