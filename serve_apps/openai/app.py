"""The OpenAI-compatible HTTP API over an engine, as a FastAPI application.

It knows nothing of Ray: `serve_apps.llm` puts it into a deployment, tests run it under uvicorn.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel

from qlayer import __version__
from qlayer.llm.slots import Engine
from qlayer.telemetry.metrics import Call, LLMMeter, prometheus_meter
from qlayer.types.ids import ModelId
from serve_apps.openai import errors
from serve_apps.openai.answer import Answer
from serve_apps.openai.event_stream import EventStream
from serve_apps.openai.exchange import CLIENT_CLOSED_REQUEST, UNKNOWN_MODEL, ClientGone, Exchange, Meters
from serve_apps.openai.schema import (
    ChatCompletion,
    ChatCompletionRequest,
    ErrorResponse,
    ModelCard,
    ModelList,
)

MAX_BODY_BYTES = 4 * 1024 * 1024


class Health(BaseModel):
    """Whether the engine answers, and how busy it is."""

    status: str
    models: tuple[ModelId, ...]
    slots: int
    running: int
    queued: int


def openai_app(engine: Engine, meters: Sequence[LLMMeter] = ()) -> FastAPI:
    """The application. `meters` are told what ``/metrics`` shows as well."""
    registry = CollectorRegistry()
    told = Meters(engine, (prometheus_meter(registry), *meters))
    created_s = int(time.time())
    app = FastAPI(
        title="qlayer language model",
        description="OpenAI-compatible chat completions of one model from the catalogue.",
        version=__version__,
        max_body_size=MAX_BODY_BYTES,
    )
    errors.install(
        app, on_malformed=lambda status: told.finished(Call(model=UNKNOWN_MODEL, status=status, seconds=0))
    )

    @app.get("/v1/models")
    async def models() -> ModelList:
        """The models that can be asked for."""
        return ModelList(
            data=tuple(
                ModelCard(id=m.id, created=created_s, max_model_len=m.context_tokens, digest=m.digest)
                for m in await engine.models()
            )
        )

    @app.post(
        "/v1/chat/completions",
        response_model=ChatCompletion,
        responses={status: {"model": ErrorResponse} for status in (400, 404, 413, 500, 503)},
    )
    async def chat_completions(body: ChatCompletionRequest, request: Request) -> Response:
        """Complete a chat: one JSON object, or with ``stream`` server-sent events that end in ``[DONE]``."""
        chunks = Exchange(engine, body, request.receive, told).chunks()
        answer = Answer(
            answer_id=f"chatcmpl-{uuid.uuid4().hex}",
            created_s=int(time.time()),
            model=body.model,
            logprobs=body.logprobs,
        )
        try:
            if not body.stream:
                whole = await answer.whole(chunks)
                return JSONResponse(whole.model_dump(mode="json"))
            first = await anext(chunks)
        except ClientGone:
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        return EventStream(answer.events(first, chunks, usage=body.stream_options.include_usage))

    @app.get("/health")
    async def health() -> Health:
        """200 when the engine can answer."""
        served = tuple(model.id for model in await engine.models())
        now = engine.occupancy
        return Health(status="ok", models=served, slots=now.slots, running=now.running, queued=now.queued)

    @app.get("/metrics")
    async def metrics() -> Response:
        """This replica's metrics in Prometheus's text format."""
        told.read_occupancy()
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app
