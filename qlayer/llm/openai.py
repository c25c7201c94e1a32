"""Any server that speaks the OpenAI chat completions API, over HTTP: ours, vLLM's, a vendor's.

One try a request: whether to try again is the caller's decision, and `retryable` on the error helps it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from qlayer.errors import InputError, LLMError, LLMUnavailable, NotFoundError, QlayerError
from qlayer.llm.base import ChatChunk, ChatRequest, ServedModel
from qlayer.llm.wire import Assembler, WireError, error_from, request_body
from qlayer.types.ids import Digest, ModelId

MAX_ERROR_BYTES = 64 * 1024


class OpenAICompatible:
    """An `LLM` behind `base_url` (which ends in ``/v1``).

    `idle_timeout_s` bounds the silence before the first and between two pieces of an answer,
    `connect_timeout_s` the wait for a connection. The API key goes into the Authorization header and nowhere
    else. Proxies and credentials in the environment are not looked at.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        idle_timeout_s: float = 300.0,
        connect_timeout_s: float = 5.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._closed = False
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(idle_timeout_s, connect=connect_timeout_s, pool=None),
            limits=httpx.Limits(max_connections=None),
            transport=transport,
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"OpenAICompatible({self._base_url!r})"

    async def models(self) -> tuple[ServedModel, ...]:
        self._require_open()
        try:
            response = await self._client.get(f"{self._base_url}/models")
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        if response.status_code != 200:
            raise self._refusal(response.status_code, response.content)
        try:
            listing = _Listing.model_validate_json(response.content)
        except ValidationError:
            raise LLMError(f"{self._base_url}/models did not answer with a list of models") from None
        return tuple(_served(entry) for entry in listing.data)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        self._require_open()
        if "" in request.sampling.stop:
            raise InputError("a stop string is empty", field="stop", limit="at least 1 character")
        url = f"{self._base_url}/chat/completions"
        assembler = Assembler()
        try:
            async with self._client.stream("POST", url, json=request_body(request)) as response:
                if response.status_code != 200:
                    raise self._refusal(response.status_code, await _head(response))
                async with aclosing(_events(response)) as events:
                    async for value in events:
                        chunk = assembler.feed(value)
                        if chunk is not None:
                            yield chunk
        except QlayerError as error:
            raise self._redacted(error) from None
        except httpx.HTTPError as error:
            if self._closed:
                yield assembler.last(cancelled=True)
                return
            raise self._unreachable(error) from None
        yield assembler.last(cancelled=self._closed)

    async def aclose(self) -> None:
        self._closed = True
        await self._client.aclose()

    def _require_open(self) -> None:
        if self._closed:
            raise LLMUnavailable("the connection to the model server was closed")

    def _unreachable(self, error: httpx.HTTPError) -> LLMUnavailable:
        why = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        detail = self._without_key(str(error)) or type(error).__name__
        return LLMUnavailable(f"the model server at {self._base_url} {why}: {detail}", hint="is it running?")

    def _refusal(self, status: int, body: bytes) -> QlayerError:
        try:
            error: WireError | str | None = _Refusal.model_validate_json(body).error
        except ValidationError:
            error = None
        if error is None and status == 404:
            return NotFoundError(
                f"no chat completions API at {self._base_url} (404)",
                kind="model",
                hint="the base URL ends in /v1",
            )
        text = body.decode(errors="replace").strip()[:500]
        return self._redacted(
            error_from(error or WireError(message=text or "no reason given"), status=status)
        )

    def _redacted(self, error: QlayerError) -> QlayerError:
        error.message = self._without_key(error.message)
        error.args = (error.message,)
        return error

    def _without_key(self, text: str) -> str:
        return text.replace(self._api_key, "***") if self._api_key else text


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    max_model_len: int | None = None
    """vLLM's name for the context, which our own server uses too."""
    digest: str | None = None


class _Listing(BaseModel):
    data: tuple[_Model, ...]


class _Refusal(BaseModel):
    error: WireError | str


def _served(model: _Model) -> ServedModel:
    """Context 0 when the server does not tell it."""
    return ServedModel(
        id=ModelId(model.id),
        context_tokens=model.max_model_len or 0,
        digest=Digest(model.digest) if model.digest else None,
    )


async def _head(response: httpx.Response) -> bytes:
    """The start of an error body: enough for its message, whatever the server sends."""
    head = b""
    async for part in response.aiter_bytes():
        head += part
        if len(head) >= MAX_ERROR_BYTES:
            break
    return head


async def _events(response: httpx.Response) -> AsyncGenerator[object, None]:
    """The JSON values of a server-sent event stream, up to ``[DONE]``."""
    async for line in response.aiter_lines():
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            return
        try:
            yield json.loads(data)
        except json.JSONDecodeError:
            raise LLMError("the model server sent an event that is not JSON") from None
