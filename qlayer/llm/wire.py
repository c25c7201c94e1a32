"""The chat completion format that llama.cpp, vLLM and every OpenAI-compatible server speak.

Pure: a `ChatRequest` becomes a JSON body, the JSON of a stream becomes `ChatChunk`s, and an error object
becomes the `LLMError` it stands for. Who carries the bytes is the backend's business.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from qlayer.errors import (
    InputError,
    LLMError,
    LLMUnavailable,
    NotFoundError,
    PromptTooLong,
    QlayerError,
)
from qlayer.llm.base import ChatChunk, ChatRequest, FinishReason, TokenLogprob
from qlayer.types.usage import TokenUsage


def request_body(request: ChatRequest) -> dict[str, Any]:
    """The streaming request as the wire wants it. Optional members are left out when they say nothing."""
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [message.model_dump() for message in request.messages],
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if request.logprobs:
        body["logprobs"] = True
    if request.response_schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": request.response_schema, "strict": True},
        }
    return body


class _Lenient(BaseModel):
    """Servers add members of their own; they are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class WireError(_Lenient):
    """The ``error`` object. The two counts are extensions (ours, and llama.cpp's under its own names)."""

    message: str = "no reason given"
    type: str | None = None
    code: str | int | None = None
    param: str | None = None
    prompt_tokens: int | None = None
    context_tokens: int | None = None
    n_prompt_tokens: int | None = None
    n_ctx: int | None = None


class _Logprob(_Lenient):
    token: str
    logprob: float


class _Logprobs(_Lenient):
    content: tuple[_Logprob, ...] | None = None


class _Delta(_Lenient):
    content: str | None = None


class _Choice(_Lenient):
    delta: _Delta = _Delta()
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _PromptDetails(_Lenient):
    cached_tokens: int | None = None


class _Usage(_Lenient):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None


class _Chunk(_Lenient):
    choices: tuple[_Choice, ...] = ()
    usage: _Usage | None = None
    error: WireError | str | None = None


class Assembler:
    """Turns the JSON values of one stream into chunks, and knows how the stream ended."""

    def __init__(self) -> None:
        self._finish: FinishReason | None = None
        self._usage: TokenUsage | None = None
        self._pieces = 0

    def feed(self, value: object) -> ChatChunk | None:
        """The chunk in this value, if it has text. Raises the error that the value stands for."""
        try:
            chunk = _Chunk.model_validate(value)
        except ValidationError:
            raise LLMError("the model server sent something that is not a chat completion chunk") from None
        if chunk.error is not None:
            raise error_from(chunk.error, status=None)
        if chunk.usage is not None:
            self._usage = _usage(chunk.usage)
        if not chunk.choices:
            return None
        choice = chunk.choices[0]
        if choice.finish_reason is not None:
            self._finish = "length" if choice.finish_reason == "length" else "stop"
        if not choice.delta.content:
            return None
        self._pieces += 1
        return ChatChunk(text=choice.delta.content, logprobs=_logprobs(choice.logprobs))

    def last(self, *, cancelled: bool = False) -> ChatChunk:
        """The closing chunk. Raises `LLMUnavailable` when the stream broke off before its end.

        A server that tells no usage, or a cancelled stream, counts one token a piece: a lower bound.
        """
        usage = self._usage or TokenUsage(completion_tokens=self._pieces)
        if cancelled:
            return ChatChunk(finish_reason="cancelled", usage=usage)
        if self._finish is None:
            raise LLMUnavailable("the model server broke off in the middle of the answer")
        return ChatChunk(finish_reason=self._finish, usage=usage)


def error_from(error: WireError | str, *, status: int | None) -> QlayerError:
    """The exception that an error object, or the HTTP status around it, stands for."""
    if isinstance(error, str):
        error = WireError(message=error)
    if _is_overflow(error):
        return _too_long(error)
    status = status or (
        error.code if isinstance(error.code, int) else _STATUS_OF_TYPE.get(error.type or "", 500)
    )
    if status == 404:
        return NotFoundError(error.message, kind="model")
    if status in _TEMPORARY or status >= 500:
        return LLMUnavailable(f"the model server is not available ({status}): {error.message}")
    if status in (401, 403):
        return LLMError(f"the model server refused the API key ({status}): {error.message}")
    return InputError(error.message, field=error.param or "request")


# Any 5xx may be gone the next time: Ray Serve answers 500 for a request whose replica was killed.
_TEMPORARY = frozenset({408, 409, 425, 429})
_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "unavailable_error": 503,
    "overloaded_error": 503,
    "service_unavailable": 503,
}
# llama.cpp, OpenAI and vLLM in this order; vLLM tells the overflow in words only.
_CONTEXT_WORDS = re.compile(r"maximum (?:context|model) length (?:of|is) (\d+)")
_PROMPT_WORDS = re.compile(r"(?:requested|prompt \(length|resulted in|request has) (\d+)")


def _is_overflow(error: WireError) -> bool:
    return (
        error.type == "exceed_context_size_error"
        or error.code == "context_length_exceeded"
        or _CONTEXT_WORDS.search(error.message) is not None
    )


def _too_long(error: WireError) -> PromptTooLong:
    prompt = error.prompt_tokens or error.n_prompt_tokens or _number(_PROMPT_WORDS, error.message)
    context = error.context_tokens or error.n_ctx or _number(_CONTEXT_WORDS, error.message)
    return prompt_too_long(prompt, context)


def _number(words: re.Pattern[str], text: str) -> int:
    found = words.search(text)
    return int(found.group(1)) if found else 0


def prompt_too_long(prompt_tokens: int, context_tokens: int) -> PromptTooLong:
    """The one wording of an overflow. 0 stands for a number that the server did not tell."""
    has, holds = prompt_tokens or "too many", context_tokens or "fewer"
    return PromptTooLong(
        f"the prompt has {has} tokens, the model's context holds {holds}",
        prompt_tokens=prompt_tokens,
        context_tokens=context_tokens,
        hint="shorten the request, or use a model with a larger context",
    )


def _usage(usage: _Usage) -> TokenUsage:
    details = usage.prompt_tokens_details
    return TokenUsage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=(details.cached_tokens or 0) if details else 0,
    )


def _logprobs(logprobs: _Logprobs | None) -> tuple[TokenLogprob, ...]:
    if logprobs is None or logprobs.content is None:
        return ()
    return tuple(TokenLogprob(token=t.token, logprob=t.logprob) for t in logprobs.content)
