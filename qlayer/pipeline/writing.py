"""One answer of a model while it is written: watched, limited in time, and ended early when it is not wanted.

Whatever ends it, what was written is kept and what it cost is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from qlayer.generation.runaway import RunawayWatch
from qlayer.llm.base import LLM, ChatRequest
from qlayer.types.frozen import Frozen
from qlayer.types.usage import TokenUsage


class Written(Frozen):
    """An answer, whole or not. `finish` is a finish reason of `Sampled`."""

    text: str
    finish: str
    usage: TokenUsage


class Brake:
    """Ends the answers that are being written side by side, and lets no further one begin."""

    def __init__(self) -> None:
        self._running: set[asyncio.Timeout] = set()
        self.pulled = False

    def pull(self) -> None:
        self.pulled = True
        for running in self._running:
            if not running.expired():
                running.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def limit(self, seconds: float) -> AsyncIterator[None]:
        """Raise `TimeoutError` from the body after `seconds`, or when the brake is pulled."""
        async with asyncio.timeout(0 if self.pulled else seconds) as timeout:
            self._running.add(timeout)
            try:
                yield
            finally:
                self._running.discard(timeout)


async def write(
    llm: LLM,
    request: ChatRequest,
    watch: RunawayWatch,
    brake: Brake,
    seconds: float,
    on_text: Callable[[str], None],
) -> Written:
    """Collect a stream; leaving it early closes it, which frees the model's slot. Raises `LLMError`."""
    pieces: list[str] = []
    usage: TokenUsage | None = None
    finish = "timeout"
    try:
        async with brake.limit(seconds), aclosing(llm.stream(request)) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    pieces.append(chunk.text)
                    on_text(chunk.text)
                finish, usage = chunk.finish_reason or finish, chunk.usage or usage
                if (cut := watch.feed(chunk.text)) is not None:
                    finish = cut
                    break
    except TimeoutError:
        finish = "cancelled" if brake.pulled else "timeout"
    # One piece is one token or slightly more: the closest count there is of a stream that did not end.
    return Written(
        text="".join(pieces), finish=finish, usage=usage or TokenUsage(completion_tokens=len(pieces))
    )
