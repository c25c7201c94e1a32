"""A model that says what it was told to say: for tests of all above it, and for serving without weights.

It obeys the `LLM` contract in full (stop, max_tokens, context, slots, cancellation), so that what works with
it fails only for the model's own reasons with a real one.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from qlayer.errors import InputError, LLMError, LLMUnavailable, NotFoundError, QlayerError
from qlayer.llm.base import ChatChunk, ChatRequest, FinishReason, ServedModel, TokenLogprob
from qlayer.llm.slots import Occupancy, Slots
from qlayer.llm.wire import prompt_too_long
from qlayer.types.frozen import Frozen
from qlayer.types.ids import ModelId
from qlayer.types.usage import TokenUsage


@dataclass(frozen=True)
class Failure:
    """An answer that breaks: after `text` was said, `error` is raised."""

    error: QlayerError
    text: str = ""


Answer = str | Failure
Script = Callable[[ChatRequest], Answer] | Iterable[Answer]


class FakeLLMConfig(Frozen):
    """How the fake behaves as an engine."""

    model: ModelId = ModelId("fake")
    context_tokens: int = 4096
    slots: int = 4
    max_queued: int = 256
    token_s: float = 0.0
    """Pause before each token, in seconds."""


class FakeLLM:
    """Answers from a script: a function of the request, or answers in order (then `LLMError`).

    A token is a word with the space before it, or a single other character. `requests` keeps what was asked.
    """

    def __init__(self, script: Script, config: FakeLLMConfig | None = None) -> None:
        self._config = config = config or FakeLLMConfig()
        self._answer = script if callable(script) else _in_order(script)
        self._slots = Slots(config.slots, config.max_queued)
        self._previous: tuple[str, ...] = ()
        self._closed = asyncio.Event()
        self.requests: list[ChatRequest] = []

    @property
    def occupancy(self) -> Occupancy:
        return self._slots.occupancy

    async def load(self) -> None:
        """Nothing to load."""

    async def models(self) -> tuple[ServedModel, ...]:
        return (ServedModel(id=self._config.model, context_tokens=self._config.context_tokens),)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        self._check(request)
        prompt = _prompt(request)
        if len(prompt) >= self._config.context_tokens:
            raise prompt_too_long(len(prompt), self._config.context_tokens)
        await self._slots.acquire()
        try:
            if self._closed.is_set():
                raise LLMUnavailable("the model was closed")
            self.requests.append(request)
            cached, self._previous = _common_prefix(prompt, self._previous), prompt
            usage = TokenUsage(prompt_tokens=len(prompt), cached_tokens=cached)
            async with aclosing(self._say(request, usage)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            self._slots.release()

    async def aclose(self) -> None:
        self._closed.set()

    def _check(self, request: ChatRequest) -> None:
        if self._closed.is_set():
            raise LLMUnavailable("the model was closed")
        if request.model != self._config.model:
            raise NotFoundError(f"model {request.model!r} is not served here", kind="model")
        if "" in request.sampling.stop:
            raise InputError("a stop string is empty", field="stop", limit="at least 1 character")

    async def _say(self, request: ChatRequest, usage: TokenUsage) -> AsyncGenerator[ChatChunk, None]:
        answer = self._answer(request)
        text = answer if isinstance(answer, str) else answer.text
        tokens, finish = _cut(text, request, self._config.context_tokens - usage.prompt_tokens)
        said = 0
        for token in tokens:
            await asyncio.sleep(self._config.token_s)
            if self._closed.is_set():
                finish = "cancelled"
                break
            said += 1
            logprobs = (TokenLogprob(token=token, logprob=-0.1),) if request.logprobs else ()
            yield ChatChunk(text=token, logprobs=logprobs)
        if isinstance(answer, Failure) and finish == "stop":
            raise answer.error
        yield ChatChunk(finish_reason=finish, usage=usage + TokenUsage(completion_tokens=said))


def _in_order(answers: Iterable[Answer]) -> Callable[[ChatRequest], Answer]:
    left = iter(answers)

    def answer(_: ChatRequest) -> Answer:
        for one in left:
            return one
        raise LLMError("the fake's script has no answer left")

    return answer


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r" ?\w+|\W", text))


def _prompt(request: ChatRequest) -> tuple[str, ...]:
    return tuple(itertools.chain.from_iterable((m.role, *_tokens(m.content)) for m in request.messages))


def _cut(text: str, request: ChatRequest, room: int) -> tuple[tuple[str, ...], FinishReason]:
    """The tokens that are said, and why no more: stop strings first, then max_tokens and the context."""
    ends = [at for stop in request.sampling.stop if (at := text.find(stop)) >= 0]
    tokens = _tokens(text[: min(ends)] if ends else text)
    most = min(request.sampling.max_tokens, room)
    return (tokens, "stop") if len(tokens) <= most else (tokens[:most], "length")


def _common_prefix(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
