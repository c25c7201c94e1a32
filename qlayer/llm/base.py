"""The one interface to a language model: a stream of chunks that can be cancelled.

Everything streams, always: closing the iterator (``aclose``, or leaving ``async for``) stops the generation
and frees the slot. `complete` collects a stream for callers that want the whole answer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Literal, Protocol

from pydantic import Field

from qlayer.types.candidate import Sampling
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, ModelId
from qlayer.types.usage import TokenUsage

FinishReason = Literal["stop", "length", "cancelled"]


class Message(Frozen):
    role: Literal["system", "user", "assistant"]
    content: str


class ChatRequest(Frozen):
    """One chat completion. `response_schema` is a JSON schema that the answer must satisfy."""

    model: ModelId
    messages: tuple[Message, ...] = Field(min_length=1)
    sampling: Sampling = Sampling()
    response_schema: dict[str, Any] | None = None
    logprobs: bool = False


class TokenLogprob(Frozen):
    token: str
    logprob: float


class ChatChunk(Frozen):
    """A piece of an answer. The last chunk carries `finish_reason` and `usage`."""

    text: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason | None = None
    usage: TokenUsage | None = None


class Completion(Frozen):
    """A whole answer."""

    text: str
    finish_reason: FinishReason
    usage: TokenUsage
    logprobs: tuple[TokenLogprob, ...] = ()


class ServedModel(Frozen):
    """A model that an `LLM` can be asked for."""

    id: ModelId
    context_tokens: int
    digest: Digest | None = None
    """SHA-256 of the weights in use, where the backend knows it."""


class LLM(Protocol):
    """A source of completions. Safe to call from many tasks at once.

    Raises `LLMUnavailable` (retry helps), `PromptTooLong`, `NotFoundError` (no such model), `InputError`
    (a parameter it cannot honour), `LLMError` (it broke). A raise can come at any chunk.
    """

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Generate. The generator's last chunk has `finish_reason` and `usage` set."""
        ...

    async def models(self) -> tuple[ServedModel, ...]:
        """What can be asked for, now."""
        ...

    async def aclose(self) -> None:
        """Free what is held. Running streams end as cancelled. Idempotent."""
        ...


async def complete(
    llm: LLM, request: ChatRequest, on_text: Callable[[str], None] | None = None
) -> Completion:
    """Collect a stream; `on_text` sees each piece as it comes. Cancellation closes the stream."""
    pieces: list[str] = []
    logprobs: list[TokenLogprob] = []
    finish: FinishReason = "cancelled"
    usage = TokenUsage()
    stream = llm.stream(request)
    try:
        async for chunk in stream:
            if chunk.text:
                pieces.append(chunk.text)
                if on_text is not None:
                    on_text(chunk.text)
            logprobs.extend(chunk.logprobs)
            finish = chunk.finish_reason or finish
            usage = chunk.usage or usage
    finally:
        await stream.aclose()
    return Completion(text="".join(pieces), finish_reason=finish, usage=usage, logprobs=tuple(logprobs))


class Embedder(Protocol):
    """Texts as vectors whose direction is their meaning. Safe to call from many tasks at once."""

    name: str
    """Names the weights: vectors of embedders with different names are never compared."""

    async def embed(self, texts: Sequence[str]) -> tuple[tuple[float, ...], ...]:
        """One vector of length 1 for each text. Raises `WeightsError`."""
        ...
