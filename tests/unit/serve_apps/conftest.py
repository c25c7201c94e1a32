"""The API over fakes: in process for single answers, under a real server for streams and disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import uvicorn
from rest_world import FAKE_MODEL, Client, ScriptedPipeline, World, until

from qlayer.app.build import Platform
from qlayer.app.settings import Settings
from qlayer.events.outbox import OutboxFeed
from qlayer.llm.catalogue import Catalogue
from qlayer.llm.fake import FakeLLM, FakeLLMConfig
from qlayer.packaging.capsule import Capsules
from qlayer.pipeline.pipeline import Pipeline
from qlayer.sandbox.fake import FakeSandbox
from qlayer.store.fake import FakeBlobs, FakeMemories, FakeRecords, FakeReleases
from serve_apps.rest.app import ApiConfig, api_app


@pytest.fixture
def world(tmp_path: Path) -> World:
    records, blobs = FakeRecords(), FakeBlobs()
    feed = OutboxFeed(records, poll_s=0.01)
    capsules = Capsules(blobs, records)
    pipeline = ScriptedPipeline(records)
    platform = Platform(
        records=records,
        blobs=blobs,
        feed=feed,
        capsules=capsules,
        memories=FakeMemories(),
        releases=FakeReleases(),
        settings=Settings(data_dir=tmp_path, model=FAKE_MODEL),
        catalogue=cast(Catalogue, None),
        llm=FakeLLM(lambda _: "pass", FakeLLMConfig(model=FAKE_MODEL)),
        sandbox=FakeSandbox(),
        pipeline=cast(Pipeline, pipeline),
    )
    return World(records, blobs, feed, capsules, pipeline, platform)


@pytest.fixture
def client(world: World) -> Client:
    """``async with client(...) as http``: the application in process, with its start and its shutdown."""

    @asynccontextmanager
    async def open_client(**config: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = api_app(world.opened, ApiConfig(**{"scan_s": 0.02, **config}), owner="api-under-test")
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://api.test") as http,
        ):
            yield http

    return open_client


@pytest.fixture
def server(world: World) -> Client:
    """``async with server(...) as http``: the application under uvicorn on a free port."""

    @asynccontextmanager
    async def open_server(**config: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = api_app(world.opened, ApiConfig(**{"scan_s": 0.02, **config}), owner="api-under-test")
        # Cut off after a second what still streams, and then end the lifespan: left hanging, the garbage
        # collector would end it in the middle of some later test.
        served = uvicorn.Config(app, port=0, log_level="warning", lifespan="on", timeout_graceful_shutdown=1)
        running = uvicorn.Server(served)
        serving = asyncio.create_task(running.serve())
        await until(lambda: running.started)
        port = running.servers[0].sockets[0].getsockname()[1]
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
                yield http
        finally:
            running.should_exit = True
            await serving

    return open_server
