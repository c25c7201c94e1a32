"""The types of the OpenAI chat completions API that we serve, and what we refuse of it.

A member that would change the meaning of the answer and that no engine here honours is refused by name; one
that would not is accepted and ignored, as are unknown ones.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from qlayer.errors import InputError
from qlayer.llm.base import ChatRequest, Message
from qlayer.types.candidate import Sampling
from qlayer.types.ids import ModelId

MAX_STOPS = 16


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class TextPart(_Request):
    type: Literal["text"]
    text: str


class ChatMessage(_Request):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | tuple[TextPart, ...]

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class JsonSchema(_Request):
    name: str = "answer"
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(_Request):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _has_its_schema(self) -> ResponseFormat:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema goes with type json_schema, and only with it")
        return self

    @property
    def as_schema(self) -> dict[str, Any] | None:
        if self.json_schema is not None:
            return self.json_schema.schema_
        return {"type": "object"} if self.type == "json_object" else None


class StreamOptions(_Request):
    include_usage: bool = False


class ChatCompletionRequest(_Request):
    """`POST /v1/chat/completions`. Defaults are OpenAI's."""

    model: str
    messages: tuple[ChatMessage, ...] = Field(min_length=1)
    temperature: float = Field(default=1.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    """None: as many as the context holds."""
    stop: tuple[str, ...] = Field(default=(), max_length=MAX_STOPS)
    """A string or a list of them."""
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    logprobs: bool = False
    response_format: ResponseFormat | None = None
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()

    n: int = 1
    top_logprobs: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None

    @field_validator("stop", mode="before")
    @classmethod
    def _one_or_many(cls, stop: object) -> object:
        return (stop,) if isinstance(stop, str) else stop or ()

    @field_validator("temperature", "top_p", "n", "logprobs", "stream", "stream_options", mode="before")
    @classmethod
    def _null_is_default(cls, value: object, info: Any) -> object:
        return cls.model_fields[info.field_name].default if value is None else value

    def chat(self, context_tokens: int) -> ChatRequest:
        """What an engine is asked for. Raises `InputError` for what no engine here can do.

        Without a bound from the client the answer may fill the context.
        """
        self._refuse_unsupported()
        return ChatRequest(
            model=ModelId(self.model),
            messages=tuple(Message(role=_role(m.role), content=m.text) for m in self.messages),
            sampling=Sampling(
                temperature=self.temperature,
                top_p=self.top_p,
                max_tokens=self.max_completion_tokens or self.max_tokens or context_tokens,
                stop=self.stop,
                seed=self.seed,
            ),
            response_schema=self.response_format.as_schema if self.response_format else None,
            logprobs=self.logprobs,
        )

    def _refuse_unsupported(self) -> None:
        if self.n != 1:
            raise InputError("n: only one choice a request is served", field="n", limit="1")
        for name in (
            "top_logprobs",
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "tools",
            "functions",
        ):
            if getattr(self, name):
                raise InputError(f"{name} is not supported", field=name)


def _role(
    role: Literal["system", "developer", "user", "assistant"],
) -> Literal["system", "user", "assistant"]:
    return "system" if role == "developer" else role


class _Response(BaseModel):
    model_config = ConfigDict(frozen=True)


class PromptTokensDetails(_Response):
    cached_tokens: int


class Usage(_Response):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails


class Logprob(_Response):
    token: str
    logprob: float
    bytes: tuple[int, ...]
    top_logprobs: tuple[()] = ()


class Logprobs(_Response):
    content: tuple[Logprob, ...]


class Delta(_Response):
    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoice(_Response):
    index: int = 0
    delta: Delta
    logprobs: Logprobs | None = None
    finish_reason: Literal["stop", "length"] | None = None


class ChatCompletionChunk(_Response):
    """One ``data:`` line of a stream."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: tuple[ChunkChoice, ...]
    usage: Usage | None = None


class AnswerMessage(_Response):
    role: Literal["assistant"] = "assistant"
    content: str


class Choice(_Response):
    index: int = 0
    message: AnswerMessage
    logprobs: Logprobs | None = None
    finish_reason: Literal["stop", "length"]


class ChatCompletion(_Response):
    """The whole answer. `created` is in seconds since the epoch."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: tuple[Choice, ...]
    usage: Usage


class ModelCard(_Response):
    """`max_model_len` (as vLLM calls the context) and `digest` are extensions."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "qlayer"
    max_model_len: int
    digest: str | None = None


class ModelList(_Response):
    object: Literal["list"] = "list"
    data: tuple[ModelCard, ...]


class ErrorBody(_Response):
    """`prompt_tokens` and `context_tokens` are extensions that come with ``context_length_exceeded``."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None
    prompt_tokens: int | None = None
    context_tokens: int | None = None


class ErrorResponse(_Response):
    error: ErrorBody
