"""How a client follows a run: durable events in order, and live text in between.

`Outbox` is what a feed reads from; the records backend fits it without knowing this package.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Literal, Protocol

from qlayer.types.frozen import Frozen
from qlayer.types.ids import RunId
from qlayer.types.run import RunEvent


class LiveText(Frozen):
    """Text that a model is writing right now. Not durable, no sequence number."""

    kind: Literal["text"] = "text"
    run_id: RunId
    slot: str
    attempt: int
    text: str


class Outbox(Protocol):
    """Read access to the durable events of a run."""

    async def history(
        self, run_id: RunId, *, after: int = 0, limit: int = 10_000
    ) -> tuple[RunEvent, ...]: ...


class EventFeed(Protocol):
    """Follows runs."""

    def follow(self, run_id: RunId, *, after: int = 0) -> AsyncGenerator[RunEvent | LiveText, None]:
        """Events with seq > `after`, in order, without gap or repeat, then live ones until `Finished`.

        Raises `NotFoundError` for an unknown run, `InputError` when it has no event `after` yet. Closing the
        iterator (``aclose``) stops the following.
        """
        ...

    def publish(self, text: LiveText) -> None:
        """Show live text to whoever follows in this process. Never blocks; slow followers lose text."""
        ...
