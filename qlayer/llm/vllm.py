"""How a catalogue entry becomes the arguments of `ray.serve.llm.LLMConfig`, which runs vLLM.

Pure data under vLLM's and Ray's own names; `serve_apps.vllm` hands it to Ray. Nothing here imports either.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qlayer.errors import ConfigurationError
from qlayer.llm.catalogue import CatalogueEntry
from qlayer.types.frozen import Frozen
from qlayer.types.ids import ModelId


class ModelLoading(Frozen):
    model_id: ModelId
    """The name that clients ask for."""
    model_source: str
    """Repository on the model hub, or a folder."""


class EngineArguments(Frozen):
    """vLLM's engine arguments. None is left to vLLM."""

    revision: str
    dtype: str
    tensor_parallel_size: int
    max_model_len: int
    enable_prefix_caching: bool
    max_num_seqs: int
    gpu_memory_utilization: float | None = None


class Accelerator(Frozen):
    kind: Literal["cpu", "gpu"]
    """Must be told for a CPU: without it the replica waits for a GPU for ever (Ray 2.60)."""


class Autoscaling(Frozen):
    min_replicas: int = Field(ge=0)
    max_replicas: int = Field(ge=1)
    target_ongoing_requests: int = Field(ge=1)


class Deployment(Frozen):
    autoscaling_config: Autoscaling
    max_ongoing_requests: int


class VllmServing(Frozen):
    """The arguments of one `LLMConfig`; `model_dump(exclude_none=True)` is what Ray takes."""

    model_loading_config: ModelLoading
    engine_kwargs: EngineArguments
    accelerator_config: Accelerator
    deployment_config: Deployment


def vllm_serving(
    entry: CatalogueEntry, *, sequences: int, min_replicas: int, max_replicas: int, max_queued: int
) -> VllmServing:
    """Serve `entry` with `sequences` generations at once in each replica, and `max_queued` waiting there.

    Raises `ConfigurationError` for an entry that has no vLLM options.
    """
    options = entry.vllm
    if options is None:
        raise ConfigurationError(
            f"the catalogue has no vLLM options for {entry.id}",
            hint="serve it with llama.cpp, or add `vllm:` to its entry",
        )
    on_gpu = entry.resources.gpus > 0
    return VllmServing(
        model_loading_config=ModelLoading(model_id=entry.id, model_source=options.source),
        engine_kwargs=EngineArguments(
            revision=options.revision,
            dtype=options.dtype,
            tensor_parallel_size=options.tensor_parallel_size,
            max_model_len=options.max_model_len,
            enable_prefix_caching=options.enable_prefix_caching,
            max_num_seqs=sequences,
            gpu_memory_utilization=options.gpu_memory_utilization if on_gpu else None,
        ),
        accelerator_config=Accelerator(kind="gpu" if on_gpu else "cpu"),
        deployment_config=Deployment(
            autoscaling_config=Autoscaling(
                min_replicas=min_replicas, max_replicas=max_replicas, target_ongoing_requests=sequences
            ),
            max_ongoing_requests=sequences + max_queued,
        ),
    )
