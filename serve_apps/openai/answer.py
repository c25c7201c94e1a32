"""An engine's chunks as the JSON of OpenAI's API: one object, or a stream of them."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Literal

from qlayer.errors import QlayerError
from qlayer.llm.base import ChatChunk, TokenLogprob
from qlayer.types.usage import TokenUsage
from serve_apps.openai.errors import describe
from serve_apps.openai.exchange import ClientGone
from serve_apps.openai.schema import (
    AnswerMessage,
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChunkChoice,
    Delta,
    ErrorResponse,
    Logprob,
    Logprobs,
    PromptTokensDetails,
    Usage,
)

Finish = Literal["stop", "length"]
Chunks = AsyncGenerator[ChatChunk, None]
_log = logging.getLogger(__name__)


class Answer:
    """One answer's fixed members, and the two ways to give it. `created_s` is seconds since the epoch."""

    def __init__(self, *, answer_id: str, created_s: int, model: str, logprobs: bool) -> None:
        self._id = answer_id
        self._created_s = created_s
        self._model = model
        self._with_logprobs = logprobs

    async def whole(self, chunks: Chunks) -> ChatCompletion:
        text: list[str] = []
        logprobs: list[TokenLogprob] = []
        last = ChatChunk()
        async with aclosing(chunks):
            async for chunk in chunks:
                text.append(chunk.text)
                logprobs.extend(chunk.logprobs)
                last = chunk
        choice = Choice(
            message=AnswerMessage(content="".join(text)),
            logprobs=self._logprobs(logprobs),
            finish_reason=_finish(last),
        )
        return ChatCompletion(
            id=self._id,
            created=self._created_s,
            model=self._model,
            choices=(choice,),
            usage=_usage(last.usage or TokenUsage()),
        )

    async def events(self, first: ChatChunk, chunks: Chunks, *, usage: bool) -> AsyncGenerator[str, None]:
        """The ``data:`` of each event. `first` was taken from `chunks` already, so that errors that come
        before it have a status of their own; later ones become an event."""
        async with aclosing(chunks):
            try:
                yield self._event(ChunkChoice(delta=Delta(role="assistant", content="")))
                yield self._choice_event(first)
                last = first
                async for last in chunks:
                    yield self._choice_event(last)
            except ClientGone:
                return
            except Exception as error:  # the status is sent already: an event is all that is left to tell it
                if not isinstance(error, QlayerError):
                    _log.error("a stream broke", exc_info=error)
                yield ErrorResponse(error=describe(error)[1]).model_dump_json(exclude_none=True)
                return
        if usage:
            yield self._chunk((), _usage(last.usage or TokenUsage()))
        yield "[DONE]"

    def _choice_event(self, chunk: ChatChunk) -> str:
        delta = Delta(content=chunk.text) if chunk.text else Delta()
        finish = _finish(chunk) if chunk.finish_reason else None
        return self._event(
            ChunkChoice(delta=delta, logprobs=self._logprobs(chunk.logprobs), finish_reason=finish)
        )

    def _event(self, choice: ChunkChoice) -> str:
        return self._chunk((choice,), None)

    def _chunk(self, choices: tuple[ChunkChoice, ...], usage: Usage | None) -> str:
        return ChatCompletionChunk(
            id=self._id, created=self._created_s, model=self._model, choices=choices, usage=usage
        ).model_dump_json()

    def _logprobs(self, logprobs: Sequence[TokenLogprob]) -> Logprobs | None:
        if not self._with_logprobs:
            return None
        return Logprobs(
            content=tuple(
                Logprob(token=t.token, logprob=t.logprob, bytes=tuple(t.token.encode())) for t in logprobs
            )
        )


def _finish(chunk: ChatChunk) -> Finish:
    return "length" if chunk.finish_reason == "length" else "stop"


def _usage(usage: TokenUsage) -> Usage:
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=usage.cached_tokens),
    )
