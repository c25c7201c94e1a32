"""The language model backends that the contract suite runs against, and how each is started."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pytest
import uvicorn

from qlayer.errors import WeightsError
from qlayer.llm.base import LLM, ChatRequest
from qlayer.llm.catalogue import Catalogue
from qlayer.llm.fake import FakeLLM, FakeLLMConfig
from qlayer.llm.llamacpp import LlamaCpp, LlamaCppConfig
from qlayer.llm.logged import LoggedLLM
from qlayer.llm.openai import OpenAICompatible
from qlayer.llm.slots import Engine
from qlayer.llm.weights import Weights
from qlayer.types.ids import ModelId
from serve_apps.openai.app import openai_app

SMALL = ModelId("qwen2.5-coder-0.5b")
MODELS = Path(__file__).parents[2] / "models"
COUNTING = " ".join(str(n) for n in range(1, 2000))


async def until(fact: Callable[[], bool]) -> None:
    """Wait for something that an engine's own threads bring about; pytest's time-out ends a wait for ever."""
    while not fact():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.005)


@dataclass(frozen=True)
class Backend:
    """`llm` under test; `engine` is what runs behind it, for looking at its slots."""

    llm: LLM
    engine: Engine
    model: ModelId

    @property
    def idle(self) -> bool:
        now = self.engine.occupancy
        return now.running == 0 and now.queued == 0


def fake_engine(*, slots: int = 2, max_queued: int = 64, token_s: float = 0.002) -> FakeLLM:
    def answer(request: ChatRequest) -> str:
        return json.dumps({"n": 7}) if request.response_schema else COUNTING

    config = FakeLLMConfig(
        model=SMALL, context_tokens=2048, slots=slots, max_queued=max_queued, token_s=token_s
    )
    return FakeLLM(answer, config)


def llamacpp_engine(*, slots: int = 2, max_queued: int = 64) -> LlamaCpp:
    """Skips the test, with the reason, when the weights are not on this machine."""
    entry = Catalogue.load(MODELS).get(SMALL)
    weights = Weights(Path(platformdirs.user_data_dir("qlayer")) / "weights")
    try:
        path = weights.path(entry)
    except WeightsError as error:
        pytest.skip(f"{error.message}: {error.hint}")
    return LlamaCpp(
        LlamaCppConfig(
            model=SMALL,
            weights=path,
            digest=weights.digest(entry),
            context_tokens=512,
            slots=slots,
            threads=1,
            max_queued=max_queued,
        )
    )


@asynccontextmanager
async def served(engine: Engine) -> AsyncIterator[str]:
    """The HTTP API over `engine` under uvicorn on a free port of loopback; gives its base URL."""
    server = uvicorn.Server(
        uvicorn.Config(openai_app(engine), host="127.0.0.1", port=0, log_level="warning", lifespan="on")
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), "uvicorn did not start"
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def fake_backend() -> AsyncIterator[Backend]:
    engine = fake_engine()
    yield Backend(engine, engine, SMALL)
    await engine.aclose()


@asynccontextmanager
async def logged_backend() -> AsyncIterator[Backend]:
    """A log that is empty at first: what the suite asks twice, it replays."""
    engine = fake_engine()
    llm = LoggedLLM((), engine)
    yield Backend(llm, engine, SMALL)
    await llm.aclose()


@asynccontextmanager
async def llamacpp_backend() -> AsyncIterator[Backend]:
    engine = llamacpp_engine()
    yield Backend(engine, engine, SMALL)
    await engine.aclose()


@asynccontextmanager
async def http_backend() -> AsyncIterator[Backend]:
    engine = fake_engine()
    async with served(engine) as base_url:
        client = OpenAICompatible(base_url)
        yield Backend(client, engine, SMALL)
        await client.aclose()


@asynccontextmanager
async def http_llamacpp_backend() -> AsyncIterator[Backend]:
    engine = llamacpp_engine()
    async with served(engine) as base_url:
        client = OpenAICompatible(base_url)
        yield Backend(client, engine, SMALL)
        await client.aclose()
    await engine.aclose()
