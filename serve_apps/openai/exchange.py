"""One chat completion on the server's side: generate, watch the client, measure.

A client that goes away ends its generation, whether it asked for a stream or not. However an exchange
ends, it is recorded once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

from qlayer.errors import LLMUnavailable, NotFoundError
from qlayer.llm.base import ChatChunk, ChatRequest
from qlayer.llm.slots import Engine
from qlayer.telemetry.metrics import Call, LLMMeter
from qlayer.types.ids import ModelId
from qlayer.types.usage import TokenUsage
from serve_apps.openai.errors import describe
from serve_apps.openai.schema import ChatCompletionRequest

CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that did not wait for its answer."""

UNKNOWN_MODEL = "unknown"
"""In metrics: the names that clients make up are no labels."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGone(Exception):
    """The client closed the connection; there is nobody to answer."""


class Meters:
    """Every meter at once."""

    def __init__(self, engine: Engine, meters: Sequence[LLMMeter]) -> None:
        self._engine = engine
        self._meters = meters

    def finished(self, call: Call) -> None:
        for meter in self._meters:
            meter.finished(call)

    def read_occupancy(self) -> None:
        now = self._engine.occupancy
        for meter in self._meters:
            meter.occupied(running=now.running, queued=now.queued)


class Exchange:
    """Iterate `chunks`; `receive` is the request's ASGI channel once its body was read."""

    def __init__(self, engine: Engine, body: ChatCompletionRequest, receive: Receive, meters: Meters) -> None:
        self._engine = engine
        self._body = body
        self._receive = receive
        self._meters = meters
        self._model = UNKNOWN_MODEL
        self._status = CLIENT_CLOSED_REQUEST
        self._started = time.monotonic()
        self._first_token_s: float | None = None
        self._usage = TokenUsage()

    async def chunks(self) -> AsyncGenerator[ChatChunk, None]:
        """What the engine says. Raises `ClientGone`, or the `QlayerError` of what went wrong."""
        gone = asyncio.ensure_future(_disconnected(self._receive))
        try:
            async with aclosing(self._engine.stream(await self._request())) as stream:
                while (chunk := await _unless(gone, anext(stream, None))) is not None:
                    self._note(chunk)
                    yield chunk
        except Exception as error:  # noted for the metrics, whatever it is, and passed on
            self._status = CLIENT_CLOSED_REQUEST if isinstance(error, ClientGone) else describe(error)[0]
            raise
        finally:
            gone.cancel()
            self._record()

    async def _request(self) -> ChatRequest:
        served = {model.id: model for model in await self._engine.models()}
        model = served.get(ModelId(self._body.model))
        if model is None:
            raise NotFoundError(
                f"the model {self._body.model!r} is not served here; {', '.join(served)} is", kind="model"
            )
        self._model = model.id
        return self._body.chat(model.context_tokens)

    def _note(self, chunk: ChatChunk) -> None:
        if self._first_token_s is None:
            self._first_token_s = time.monotonic() - self._started
            self._meters.read_occupancy()
        if chunk.finish_reason is None:
            self._usage += TokenUsage(completion_tokens=1)
        else:
            self._usage = chunk.usage or self._usage
            if chunk.finish_reason == "cancelled":
                raise LLMUnavailable("the model is shutting down")
            self._status = 200

    def _record(self) -> None:
        call = Call(
            model=self._model,
            status=self._status,
            seconds=time.monotonic() - self._started,
            first_token_s=self._first_token_s,
            prompt_tokens=self._usage.prompt_tokens,
            cached_tokens=self._usage.cached_tokens,
            completion_tokens=self._usage.completion_tokens,
        )
        self._meters.finished(call)
        self._meters.read_occupancy()


async def _unless(gone: asyncio.Future[None], step: Awaitable[ChatChunk | None]) -> ChatChunk | None:
    """The step's result, or `ClientGone` when the client leaves before there is one."""
    waiting: asyncio.Future[ChatChunk | None] = asyncio.ensure_future(step)
    either: set[asyncio.Future[Any]] = {waiting, gone}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        raise ClientGone
    finally:
        if not waiting.done():
            waiting.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await waiting


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
