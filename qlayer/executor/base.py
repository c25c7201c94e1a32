"""The one interface to an executor: items go in, an answer for each comes out as soon as it is known.

An item is named by the digest of its content. Whatever was asked twice, in one batch or in two at once, is
done once and answers both.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Generic, NamedTuple, Protocol, TypeVar

from pydantic import Field

from qlayer.errors import QlayerError
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest

MAX_TRIES = 2
"""An item that was alone with its worker when it died, this often, is quarantined."""

P = TypeVar("P")
R = TypeVar("R")
P_contra = TypeVar("P_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Item(NamedTuple, Generic[P]):
    """One piece of work."""

    key: Digest
    """The digest of everything that the result depends on."""
    tenant: str
    """Whose it is: tenants take turns."""
    payload: P


class Quarantined(Frozen):
    """The item killed what worked on it `MAX_TRIES` times and is not tried again."""

    cause: str
    """One sentence for a person; holds the word ``quarantined``."""
    tries: int


class Answer(NamedTuple, Generic[R]):
    """What became of one item."""

    position: int
    """0-based, of the item in its batch."""
    key: Digest
    result: R | Quarantined


class WorkerDied(QlayerError):
    """What ran the item died under it, or was disturbed: it says nothing about the item yet."""

    retryable = True


class ExecutorError(QlayerError):
    """The executor itself cannot go on; finished items have been answered. Trying again can help."""

    retryable = True
    exit_code = 7


class ExecutorConfig(Frozen):
    """The bounds of an executor."""

    workers: int = Field(default=2, ge=1, le=256)
    """Items worked on at once, on one machine (local) or by each supervisor (Ray)."""
    lookahead: int = Field(default=512, ge=1, le=100_000)
    """Items of one batch taken in and not yet given back: what bounds memory, and what fairness sees."""


Worker = Callable[[P], Awaitable[R]]
"""Does one item. Raises `WorkerDied`; anything else that it raises ends the batches that wait for it."""
WorkerBuilder = Callable[[], AbstractAsyncContextManager[Worker[P, R]]]
"""Opens a worker that takes several items at once. Light and picklable; what it opens is heavy and local."""


class Executor(Protocol[P, R]):
    """Works on items. Safe to use from many tasks of one event loop; use as ``async with``."""

    def run(
        self, items: AsyncIterator[Item[P]], known: MutableMapping[Digest, R] | None = None
    ) -> AsyncGenerator[Answer[R], None]:
        """One answer for each item, in order of arrival.

        Results are taken from `known` before any work is done, and put into it before they are given.
        Not taking the answers stops the intake; closing the generator or cancelling its task ends the work
        that nobody else waits for. Raises `ExecutorError`.
        """
        ...

    async def __aenter__(self) -> Executor[P, R]: ...

    async def __aexit__(self, *exc: object) -> None: ...
