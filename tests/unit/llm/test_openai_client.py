"""The client of OpenAI-compatible servers: what it sends, and what each kind of failure becomes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from qlayer.errors import (
    InputError,
    LLMError,
    LLMUnavailable,
    NotFoundError,
    PromptTooLong,
    QlayerError,
)
from qlayer.llm.base import ChatRequest, Completion, Message, complete
from qlayer.llm.openai import OpenAICompatible
from qlayer.types.candidate import Sampling
from qlayer.types.ids import ModelId

URL = "http://model.test/v1"
KEY = "-".join(["made", "up", "key", "1234567890"])
REQUEST = ChatRequest(
    model=ModelId("m"),
    messages=(Message(role="system", content="Be short."), Message(role="user", content="hello")),
    sampling=Sampling(temperature=0.5, top_p=0.9, max_tokens=7, stop=("END",), seed=3),
)
Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler, **options: float) -> OpenAICompatible:
    return OpenAICompatible(URL, KEY, transport=httpx.MockTransport(handler), **options)


def events(*values: object, done: bool = True) -> httpx.Response:
    lines = [f"data: {json.dumps(value)}" for value in values] + (["data: [DONE]"] if done else [])
    return httpx.Response(200, text="\n\n".join([": a comment", *lines]) + "\n\n")


def piece(text: str | None = None, finish: str | None = None) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


def refusal(status: int, **error: object) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": "no", "type": "x", **error}})


async def ask(handler: Handler) -> Completion:
    llm = client(handler)
    try:
        return await complete(llm, REQUEST)
    finally:
        await llm.aclose()


async def failure(response: httpx.Response) -> QlayerError:
    with pytest.raises(QlayerError) as caught:
        await ask(lambda _: response)
    return caught.value


async def test_the_request_says_all_that_was_asked() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
        return events(piece("Hi"), piece(" you"), piece(None, "stop"), {"choices": [], "usage": usage})

    completion = await ask(answer)
    assert (completion.text, completion.finish_reason) == ("Hi you", "stop")
    assert (completion.usage.prompt_tokens, completion.usage.cached_tokens) == (9, 4)
    [request] = seen
    assert str(request.url) == f"{URL}/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(request.content) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "hello"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "stop": ["END"],
        "seed": 3,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_a_schema_goes_as_response_format() -> None:
    bodies: list[dict[str, object]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return events(piece("{}", "stop"))

    llm = client(answer)
    await complete(llm, REQUEST.model_copy(update={"response_schema": {"type": "object"}}))
    await llm.aclose()
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    assert bodies[0]["response_format"] == {"type": "json_schema", "json_schema": schema}


async def test_without_usage_the_pieces_are_counted() -> None:
    completion = await ask(lambda _: events(piece("a"), piece("b"), piece(None, "length")))
    assert completion.usage.completion_tokens == 2
    assert completion.finish_reason == "length"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_what_may_pass_is_unavailable_and_retryable(status: int) -> None:
    error = await failure(refusal(status))
    assert isinstance(error, LLMUnavailable)
    assert error.retryable
    assert str(status) in error.message


async def test_an_error_page_of_a_proxy_is_shown_in_part() -> None:
    error = await failure(httpx.Response(502, text="<html>" + "bad gateway " * 10_000))
    assert isinstance(error, LLMUnavailable)
    assert "bad gateway" in error.message
    assert len(error.message) < 1_000


@pytest.mark.parametrize(
    ("body", "prompt", "context"),
    [
        ({"code": "context_length_exceeded", "prompt_tokens": 50, "context_tokens": 40}, 50, 40),
        (
            {
                "message": "This model's maximum context length is 4096 tokens. However, you requested "
                "5030 tokens (5000 in the messages, 30 in the completion)."
            },
            5030,
            4096,
        ),
        (
            {"message": "The decoder prompt (length 5030) is longer than the maximum model length of 4096."},
            5030,
            4096,
        ),
        ({"type": "exceed_context_size_error", "n_prompt_tokens": 50, "n_ctx": 40, "code": 400}, 50, 40),
        ({"code": "context_length_exceeded"}, 0, 0),
    ],
)
async def test_an_overflow_is_known_by_every_servers_words(
    body: dict[str, object], prompt: int, context: int
) -> None:
    error = await failure(refusal(400, **body))
    assert isinstance(error, PromptTooLong)
    assert (error.prompt_tokens, error.context_tokens) == (prompt, context)


async def test_not_found_and_bad_parameters_are_told_apart() -> None:
    error = await failure(refusal(404, message="the model `m` does not exist"))
    assert isinstance(error, NotFoundError)
    assert error.kind == "model"
    assert "does not exist" in error.message
    bad = await failure(refusal(400, message="temperature too hot", param="temperature"))
    assert isinstance(bad, InputError)
    assert bad.field == "temperature"


async def test_a_wrong_base_url_is_told_from_a_missing_model() -> None:
    error = await failure(httpx.Response(404, text="<html>nginx</html>"))
    assert isinstance(error, NotFoundError)
    assert error.hint == "the base URL ends in /v1"


async def test_the_api_key_is_nowhere_but_in_the_header() -> None:
    error = await failure(refusal(401, message=f"Incorrect API key provided: {KEY}"))
    llm = client(lambda _: events())
    texts = [str(error), error.message, repr(error), repr(llm), str(vars(error))]
    assert not any(KEY in text for text in texts)
    assert "refused the API key" in error.message
    mid_stream = await failure(events(piece("a"), {"error": {"message": f"key {KEY} expired", "code": 400}}))
    assert KEY not in str(mid_stream)
    assert "***" in str(mid_stream)
    await llm.aclose()


async def test_an_error_in_the_stream_is_raised() -> None:
    error = await failure(events(piece("a"), {"error": {"message": "gone", "type": "overloaded_error"}}))
    assert isinstance(error, LLMUnavailable)


async def test_a_stream_that_breaks_off_is_not_an_answer() -> None:
    error = await failure(events(piece("half an ans"), done=False))
    assert isinstance(error, LLMUnavailable)


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, text="data: {not json\n\n"),
        httpx.Response(200, text='data: ["a list"]\n\n'),
        httpx.Response(200, text='data: {"choices": 3}\n\n'),
    ],
)
async def test_nonsense_in_the_stream_is_an_error_of_the_server(response: httpx.Response) -> None:
    assert isinstance(await failure(response), LLMError)


async def test_no_listener_is_unavailable() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    with pytest.raises(LLMUnavailable, match=r"cannot be reached.*connection refused"):
        await ask(refuse)


async def test_silence_runs_into_the_idle_timeout() -> None:
    """A real socket: the mock transport knows no time-outs."""

    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    llm = OpenAICompatible(f"http://127.0.0.1:{port}/v1", idle_timeout_s=0.05)
    with pytest.raises(LLMUnavailable, match="did not answer in time"):
        await complete(llm, REQUEST)
    await llm.aclose()
    await left.wait()
    server.close()
    await server.wait_closed()


async def test_closing_the_stream_closes_the_connection() -> None:
    closed = asyncio.Event()

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield f"data: {json.dumps(piece('a'))}\n\n".encode()

        async def aclose(self) -> None:
            closed.set()

    llm = client(lambda _: httpx.Response(200, stream=Endless()))
    stream = llm.stream(REQUEST)
    assert (await anext(stream)).text == "a"
    await stream.aclose()
    assert closed.is_set()
    await llm.aclose()


async def test_models_reads_ids_contexts_and_digests() -> None:
    digest = "sha256:" + "0" * 64
    listing = {"object": "list", "data": [{"id": "a", "max_model_len": 4096, "digest": digest}, {"id": "b"}]}
    llm = client(lambda _: httpx.Response(200, json=listing))
    a, b = await llm.models()
    assert (a.id, a.context_tokens, a.digest) == ("a", 4096, digest)
    assert (b.id, b.context_tokens, b.digest) == ("b", 0, None)
    await llm.aclose()


@pytest.mark.parametrize(
    "response", [httpx.Response(200, text="<html>"), httpx.Response(200, json={"data": 1})]
)
async def test_a_listing_that_is_none_is_an_error(response: httpx.Response) -> None:
    llm = client(lambda _: response)
    with pytest.raises(LLMError, match="list of models"):
        await llm.models()
    await llm.aclose()
