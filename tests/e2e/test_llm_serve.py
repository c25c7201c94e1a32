"""The language model under a real Ray Serve: answers, streams, errors, clients that leave, metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import platformdirs
import pytest
from conftest import ServeApp, ServeHost, StartServe

from qlayer.errors import PromptTooLong, WeightsError
from qlayer.llm.base import ChatRequest, Message, complete
from qlayer.llm.catalogue import Catalogue
from qlayer.llm.openai import OpenAICompatible
from qlayer.llm.weights import Weights
from qlayer.types.candidate import Sampling
from qlayer.types.ids import ModelId

pytestmark = pytest.mark.server

MODEL = ModelId("qwen2.5-coder-0.5b")
MODELS = Path(__file__).parents[2] / "models"
WEIGHTS = Path(platformdirs.user_data_dir("qlayer")) / "weights"
ANSWER = "word " * 3_000
PATIENCE_S = 60


def app(engine: str, **args: Any) -> ServeApp:
    given = {"model": MODEL, "engine": engine, "models_dir": str(MODELS), "weights_dir": str(WEIGHTS)}
    return ServeApp("llm", "/llm", "serve_apps.llm:build", given | {"num_cpus": 1} | args)


@pytest.fixture(scope="module")
def fake(start_serve: StartServe) -> ServeHost:
    return start_serve(app("fake", slots=2, max_queued=2, fake_answer=ANSWER, fake_token_s=0.005))


@pytest.fixture(scope="module")
def real(start_serve: StartServe) -> ServeHost:
    try:
        Weights(WEIGHTS).path(Catalogue.load(MODELS).get(MODEL))
    except WeightsError as error:
        pytest.skip(f"{error.message}: {error.hint}")
    return start_serve(app("llamacpp", slots=2))


@pytest.fixture
async def http(fake: ServeHost) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{fake.url}/llm", trust_env=False, timeout=PATIENCE_S) as client:
        yield client


def ask(max_tokens: int, text: str = "Write a Python function that adds two numbers.") -> ChatRequest:
    return ChatRequest(
        model=MODEL,
        messages=(Message(role="user", content=text),),
        sampling=Sampling(max_tokens=max_tokens),
    )


def body(**changes: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": "say it"}], **changes}


async def health(http: httpx.AsyncClient) -> dict[str, Any]:
    return dict((await http.get("/health")).json())


async def wait_for(http: httpx.AsyncClient, **expected: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while not expected.items() <= (seen := await health(http)).items():
        assert time.monotonic() < end, f"never {expected}, last {seen}"
        await asyncio.sleep(0.05)


async def test_a_stream_through_serve_comes_in_pieces(fake: ServeHost) -> None:
    llm = OpenAICompatible(f"{fake.url}/llm/v1")
    times = [time.monotonic() async for _ in llm.stream(ask(100))]
    assert len(times) > 50
    assert times[-1] - times[0] > 0.2, "it came in one piece at the end"
    [served] = await llm.models()
    assert served.id == MODEL
    await llm.aclose()


async def test_errors_keep_their_shape_behind_the_proxy(http: httpx.AsyncClient, fake: ServeHost) -> None:
    assert (await http.post("/v1/chat/completions", json=body(n=2))).json()["error"]["param"] == "n"
    missing = await http.post("/v1/chat/completions", json=body(model="gpt-99"))
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")
    llm = OpenAICompatible(f"{fake.url}/llm/v1")
    with pytest.raises(PromptTooLong):
        await complete(llm, ask(5, "word " * 5_000))
    await llm.aclose()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_goes_away_stops_the_generation(http: httpx.AsyncClient, stream: bool) -> None:
    task = asyncio.create_task(http.post("/v1/chat/completions", json=body(stream=stream)))
    await wait_for(http, running=1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await wait_for(http, running=0)
    metrics = (await http.get("/metrics")).text
    assert f'qlayer_llm_requests_total{{model="{MODEL}",status="499"}}' in metrics


async def test_overload_is_refused_in_openais_shape(http: httpx.AsyncClient) -> None:
    busy = [asyncio.create_task(http.post("/v1/chat/completions", json=body())) for _ in range(4)]
    await wait_for(http, running=2, queued=2)
    refused = await http.post("/v1/chat/completions", json=body())
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "engine_overloaded"
    assert "retry-after" in refused.headers
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)
    await wait_for(http, running=0, queued=0)


async def test_rays_own_metrics_have_the_same_numbers(http: httpx.AsyncClient, fake: ServeHost) -> None:
    await http.post("/v1/chat/completions", json=body(max_tokens=5))
    end = time.monotonic() + PATIENCE_S
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:  # Ray's workers report every few seconds
            text = (await client.get(fake.metrics_url)).text
            lines = [line for line in text.splitlines() if line.startswith("ray_qlayer_llm_")]
            if any(line.startswith("ray_qlayer_llm_completion_tokens_total{") for line in lines):
                break
            assert time.monotonic() < end, "Ray never showed the metrics"
            await asyncio.sleep(0.5)
    [requests] = [
        line for line in lines if line.startswith("ray_qlayer_llm_requests_total") and 'status="200"' in line
    ]
    assert f'model="{MODEL}"' in requests
    assert "# HELP ray_qlayer_llm_running" in text


@pytest.mark.model
async def test_the_real_model_answers_through_serve(real: ServeHost) -> None:
    llm = OpenAICompatible(f"{real.url}/llm/v1")
    [served] = await llm.models()
    assert served.digest is not None
    first = await complete(llm, ask(48))
    assert "def " in first.text
    again = await complete(llm, ask(48))
    assert again.text == first.text
    assert again.usage.cached_tokens > 0
    await llm.aclose()


@pytest.mark.model
async def test_the_real_model_stops_when_the_client_goes_away(real: ServeHost) -> None:
    base = f"{real.url}/llm"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=PATIENCE_S) as http:
        for stream in (True, False):
            long = body(stream=stream, messages=[{"role": "user", "content": "Tell a very long story."}])
            task = asyncio.create_task(http.post("/v1/chat/completions", json=long))
            await wait_for(http, running=1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await wait_for(http, running=0)
