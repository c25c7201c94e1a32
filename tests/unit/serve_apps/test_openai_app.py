"""The OpenAI-compatible API over the fake, under a real HTTP server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from qlayer.errors import LLMUnavailable
from qlayer.llm.fake import Failure, FakeLLM, FakeLLMConfig, Script
from qlayer.types.ids import ModelId
from serve_apps.openai.app import MAX_BODY_BYTES, openai_app

ENDLESS = "word " * 5_000


class Service:
    """The API, with the engine behind it in sight."""

    def __init__(self, engine: FakeLLM, http: httpx.AsyncClient) -> None:
        self.engine = engine
        self.http = http

    async def post(self, **body: Any) -> httpx.Response:
        return await self.http.post("/v1/chat/completions", json=chat(**body))

    async def metric(self, line: str) -> float:
        text = (await self.http.get("/metrics")).text
        [value] = [row.split()[-1] for row in text.splitlines() if row.startswith(line + " ")]
        return float(value)


def chat(**changes: Any) -> dict[str, Any]:
    return {"model": "fake", "messages": [{"role": "user", "content": "say it"}], **changes}


@asynccontextmanager
async def service(script: Script, **config: Any) -> AsyncIterator[Service]:
    engine = FakeLLM(script, FakeLLMConfig(model=ModelId("fake"), context_tokens=6_000, **config))
    server = uvicorn.Server(
        uvicorn.Config(openai_app(engine), host="127.0.0.1", port=0, log_level="critical", lifespan="on")
    )
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as http:
        yield Service(engine, http)
    server.should_exit = True
    await task


async def until(fact: Callable[[], bool]) -> None:
    while not fact():  # noqa: ASYNC110 - the other side of a socket tells no event
        await asyncio.sleep(0.005)


def events(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


@pytest.fixture
async def api() -> AsyncIterator[Service]:
    async with service(lambda _: "one two three") as started:
        yield started


async def test_a_whole_answer(api: Service) -> None:
    response = await api.post(max_tokens=2, seed=1, temperature=0, user="somebody", unheard_of=True)
    assert response.status_code == 200
    body = response.json()
    assert body["object"] == "chat.completion"
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "one two"},
            "logprobs": None,
            "finish_reason": "length",
        }
    ]
    usage = body["usage"]
    assert usage["completion_tokens"] == 2
    assert usage["total_tokens"] == usage["prompt_tokens"] + 2
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0}
    again = (await api.post(max_tokens=2)).json()
    assert again["usage"]["prompt_tokens_details"]["cached_tokens"] == usage["prompt_tokens"]
    assert again["id"] != body["id"]


async def test_a_stream_of_events(api: Service) -> None:
    response = await api.post(stream=True, stream_options={"include_usage": True}, logprobs=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    *chunks, done = events(response.text)
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    first, *pieces, last, usage = chunks
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in pieces) == "one two three"
    assert pieces[0]["choices"][0]["logprobs"]["content"][0]["token"] == "one"
    assert last["choices"][0]["finish_reason"] == "stop"
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 3)


async def test_usage_comes_in_a_stream_only_when_asked_for(api: Service) -> None:
    *chunks, _ = events((await api.post(stream=True)).text)
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in chunks)


async def test_what_the_engine_is_asked_for(api: Service) -> None:
    schema = {"type": "object"}
    await api.post(
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        ],
        stop="END",
        max_completion_tokens=9,
        temperature=0.3,
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    )
    [request] = api.engine.requests
    assert [(m.role, m.content) for m in request.messages] == [("system", "Be brief."), ("user", "ab")]
    assert request.response_schema == schema
    assert (request.sampling.stop, request.sampling.max_tokens) == (("END",), 9)
    assert (request.sampling.temperature, request.sampling.top_p) == (0.3, 1.0)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"logit_bias": {"1": 5}}, "logit_bias"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"temperature": 2.5}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"seed": 2**70}, "seed"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
    ],
)
async def test_a_bad_parameter_is_named(api: Service, change: dict[str, Any], param: str) -> None:
    response = await api.post(**change)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert param.split(".")[0] in error["message"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'"text"', b"nul"])
async def test_a_body_that_is_no_request_is_400_in_openais_shape(api: Service, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = await api.http.post("/v1/chat/completions", content=content, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


async def test_a_body_beyond_the_limit_is_413(api: Service) -> None:
    response = await api.post(messages=[{"role": "user", "content": "x" * MAX_BODY_BYTES}])
    assert response.status_code == 413
    assert api.engine.requests == []


async def test_a_prompt_beyond_the_context_is_400_with_both_numbers(api: Service) -> None:
    for stream in (False, True):
        response = await api.post(messages=[{"role": "user", "content": "a " * 7_000}], stream=stream)
        assert response.status_code == 400
        error = response.json()["error"]
        assert error["code"] == "context_length_exceeded"
        assert error["context_tokens"] == 6_000
        assert error["prompt_tokens"] > 6_000


async def test_unknown_models_and_paths_are_404_in_openais_shape(api: Service) -> None:
    error = (await api.post(model="gpt-99")).json()["error"]
    assert error["code"] == "model_not_found"
    assert "fake" in error["message"]
    response = await api.http.get("/v1/nothing")
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "Not Found"
    assert (await api.http.get("/v1/chat/completions")).status_code == 405


async def test_models_health_and_docs(api: Service) -> None:
    [model] = (await api.http.get("/v1/models")).json()["data"]
    assert (model["id"], model["object"], model["max_model_len"]) == ("fake", "model", 6_000)
    health = (await api.http.get("/health")).json()
    assert health == {"status": "ok", "models": ["fake"], "slots": 4, "running": 0, "queued": 0}
    assert "/v1/chat/completions" in (await api.http.get("/openapi.json")).json()["paths"]


async def test_overload_is_503_and_says_when_to_come_back() -> None:
    async with service(lambda _: ENDLESS, slots=1, max_queued=1, token_s=0.01) as api:
        busy = [asyncio.create_task(api.post()) for _ in range(2)]
        await until(lambda: api.engine.occupancy.queued == 1)
        response = await api.post()
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        assert response.json()["error"]["code"] == "engine_overloaded"
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        await until(lambda: api.engine.occupancy.running == 0)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_goes_away_stops_the_generation(stream: bool) -> None:
    async with service(lambda _: ENDLESS, token_s=0.01) as api:
        task = asyncio.create_task(api.post(stream=stream))
        await until(lambda: api.engine.occupancy.running == 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await until(lambda: api.engine.occupancy.running == 0)
        line = 'qlayer_llm_requests_total{model="fake",status="499"}'
        assert await api.metric(line) == 1
        assert await api.metric("qlayer_llm_running") == 0


async def test_a_client_that_goes_away_while_it_waits_leaves_the_queue() -> None:
    async with service(lambda _: ENDLESS, slots=1, token_s=0.01) as api:
        tasks = [asyncio.create_task(api.post()) for _ in range(2)]
        await until(lambda: api.engine.occupancy.queued == 1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: api.engine.occupancy.running == api.engine.occupancy.queued == 0)
        assert len(api.engine.requests) <= 2


async def test_a_failure_in_mid_stream_becomes_an_event() -> None:
    async with service([Failure(LLMUnavailable("away"), text="half of")]) as api:
        received = events((await api.post(stream=True)).text)
        assert received[-1]["error"]["message"] == "away"
        assert "[DONE]" not in received
        assert await api.metric('qlayer_llm_requests_total{model="fake",status="503"}') == 1


async def test_an_unexpected_failure_is_500_and_tells_nothing_of_itself() -> None:
    def broken(_: object) -> str:
        raise ZeroDivisionError("secret detail")

    async with service(broken) as api:
        response = await api.post()
        assert response.status_code == 500
        assert "secret" not in response.text
        assert response.json()["error"]["type"] == "server_error"


async def test_metrics_count_requests_and_tokens(api: Service) -> None:
    await api.post(max_tokens=2)
    await api.post(model="made-up-by-the-client")
    await api.http.post("/v1/chat/completions", content=b"{", headers={"content-type": "application/json"})
    assert await api.metric('qlayer_llm_requests_total{model="fake",status="200"}') == 1
    assert await api.metric('qlayer_llm_requests_total{model="unknown",status="404"}') == 1
    assert await api.metric('qlayer_llm_requests_total{model="unknown",status="400"}') == 1
    assert await api.metric('qlayer_llm_completion_tokens_total{model="fake"}') == 2
    assert await api.metric('qlayer_llm_first_token_seconds_count{model="fake"}') == 1
    assert "made-up" not in (await api.http.get("/metrics")).text
