"""The language model as a Ray Serve application with an OpenAI-compatible API.

`build` turns typed arguments into the application: one deployment whose replicas each hold an engine, or what
`ray.serve.llm` makes of the catalogue entry for vLLM.
"""

# No `from __future__ import annotations` here: Serve finds `LLMAppArgs` by looking at build's annotation.

from pathlib import Path
from typing import Literal, assert_never

from fastapi import FastAPI
from pydantic import Field, model_validator
from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig

from qlayer.llm.catalogue import Catalogue, CatalogueEntry
from qlayer.llm.fake import FakeLLM, FakeLLMConfig
from qlayer.llm.llamacpp import LlamaCpp, LlamaCppConfig
from qlayer.llm.slots import Engine
from qlayer.llm.vllm import vllm_serving
from qlayer.llm.weights import Weights
from qlayer.types.frozen import Frozen
from qlayer.types.ids import ModelId
from serve_apps.openai.app import openai_app
from serve_apps.ray_metrics import ray_meter
from serve_apps.vllm import build_vllm

HEADROOM = 16
"""Requests beyond slots and queue that a replica takes on, so that overload is refused in OpenAI's shape with
Retry-After, and health and metrics get through. Beyond it Serve's own queue fills."""
DRAIN_S = 60.0
"""How long a replica that is told to stop may finish its answers."""


class LLMAppArgs(Frozen):
    """What to serve and with how much of the cluster. Folders are paths on the nodes."""

    model: ModelId
    engine: Literal["llamacpp", "vllm", "fake"] = "llamacpp"
    models_dir: Path
    """The catalogue."""
    weights_dir: Path | None = None
    """Needed by llama.cpp. Each node that may run a replica has the weights there."""
    slots: int = Field(default=2, ge=1, le=1024)
    """Generations at once in each replica."""
    max_queued: int = Field(default=64, ge=0)
    """Requests that wait in each replica; one more gets 503."""
    num_cpus: float = Field(default=1.0, ge=0.1)
    """CPUs of each replica. llama.cpp gets as many threads: grant only CPUs that are free, since its threads
    wait for each other by spinning (two on contested cores gave 3 tokens a second where one gave 27)."""
    min_replicas: int = Field(default=1, ge=0)
    max_replicas: int = Field(default=1, ge=1)
    fake_answer: str = "This is the fake engine; it always says so."
    fake_token_s: float = Field(default=0.0, ge=0)
    """Pause of the fake before each token."""

    @model_validator(mode="after")
    def _consistent(self) -> "LLMAppArgs":
        if self.min_replicas > self.max_replicas:
            raise ValueError("min_replicas is greater than max_replicas")
        if self.engine == "llamacpp" and self.weights_dir is None:
            raise ValueError("engine llamacpp needs weights_dir")
        return self


def build(args: LLMAppArgs) -> Application:
    """The application. Raises `NotFoundError` or `ConfigurationError` when the catalogue cannot serve it."""
    entry = Catalogue.load(args.models_dir).get(args.model)
    if args.engine == "vllm":
        return build_vllm(
            vllm_serving(
                entry,
                sequences=args.slots,
                min_replicas=args.min_replicas,
                max_replicas=args.max_replicas,
                max_queued=args.max_queued,
            )
        )
    scaling = AutoscalingConfig(
        min_replicas=args.min_replicas, max_replicas=args.max_replicas, target_ongoing_requests=args.slots
    )
    deployment = serve.deployment(
        name=f"llm-{entry.id}",
        ray_actor_options={"num_cpus": args.num_cpus},
        autoscaling_config=scaling,
        max_ongoing_requests=args.slots + args.max_queued + HEADROOM,
        graceful_shutdown_timeout_s=DRAIN_S,
    )(LanguageModel)
    application: Application = deployment.bind(args, entry)
    return application


@serve.ingress()
class LanguageModel:
    """One replica: an engine, loaded before the replica counts as ready, and the API over it."""

    # Serve awaits a constructor that is a coroutine; what it raises is shown as the deployment's message.
    async def __init__(self, args: LLMAppArgs, entry: CatalogueEntry) -> None:  # type: ignore[misc]
        self._engine = make_engine(args, entry)
        self._meter = ray_meter()
        await self._engine.load()

    def __serve_build_asgi_app__(self) -> FastAPI:
        return openai_app(self._engine, meters=(self._meter,))

    async def check_health(self) -> None:
        """Asked by Serve every few seconds; a raise replaces the replica. Keeps Ray's gauges fresh too."""
        await self._engine.models()
        now = self._engine.occupancy
        self._meter.occupied(running=now.running, queued=now.queued)

    async def __del__(self) -> None:
        await self._engine.aclose()


def make_engine(args: LLMAppArgs, entry: CatalogueEntry) -> Engine:
    """The engine, not yet loaded. Raises `WeightsError` when the weights are not on this node."""
    match args.engine:
        case "llamacpp":
            weights = Weights(args.weights_dir or Path())
            return LlamaCpp(
                LlamaCppConfig.for_entry(
                    entry,
                    weights.path(entry),
                    digest=weights.digest(entry),
                    slots=args.slots,
                    threads=max(1, int(args.num_cpus)),
                    max_queued=args.max_queued,
                )
            )
        case "fake":
            config = FakeLLMConfig(
                model=entry.id, slots=args.slots, max_queued=args.max_queued, token_s=args.fake_token_s
            )
            return FakeLLM(lambda _: args.fake_answer, config)
        case "vllm":
            raise AssertionError("vLLM runs in deployments of its own")
    assert_never(args.engine)
