"""The catalogue's vLLM options under the names that Ray and vLLM give them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from qlayer.errors import ConfigurationError
from qlayer.llm.catalogue import Catalogue
from qlayer.llm.vllm import vllm_serving

CATALOGUE = Catalogue.load(Path(__file__).parents[3] / "models")


def test_a_gpu_model() -> None:
    entry = CATALOGUE.get("qwen2.5-coder-7b")
    serving = vllm_serving(entry, sequences=32, min_replicas=0, max_replicas=3, max_queued=100)
    assert entry.vllm is not None
    assert serving.model_dump(exclude_none=True) == {
        "model_loading_config": {"model_id": entry.id, "model_source": entry.vllm.source},
        "engine_kwargs": {
            "revision": entry.vllm.revision,
            "dtype": "bfloat16",
            "tensor_parallel_size": entry.vllm.tensor_parallel_size,
            "max_model_len": entry.vllm.max_model_len,
            "enable_prefix_caching": True,
            "max_num_seqs": 32,
            "gpu_memory_utilization": entry.vllm.gpu_memory_utilization,
        },
        "accelerator_config": {"kind": "gpu"},
        "deployment_config": {
            "autoscaling_config": {"min_replicas": 0, "max_replicas": 3, "target_ongoing_requests": 32},
            "max_ongoing_requests": 132,
        },
    }


def test_without_a_gpu_the_accelerator_is_told() -> None:
    entry = CATALOGUE.get("qwen2.5-coder-0.5b")
    serving = vllm_serving(entry, sequences=2, min_replicas=1, max_replicas=1, max_queued=8)
    assert serving.accelerator_config.kind == "cpu"
    assert "gpu_memory_utilization" not in serving.model_dump(exclude_none=True)["engine_kwargs"]


def test_an_entry_without_vllm_is_refused() -> None:
    entry = CATALOGUE.get("qwen2.5-coder-0.5b").model_copy(update={"vllm": None})
    with pytest.raises(ConfigurationError, match="no vLLM options"):
        vllm_serving(entry, sequences=2, min_replicas=1, max_replicas=1, max_queued=8)


ASK_RAY = """
import sys
from ray.llm._internal.serve.core.configs.llm_config import LLMConfig  # the public name needs vLLM itself
config = LLMConfig.model_validate_json(sys.stdin.read())
print(config.model_id, config.accelerator_config.kind)
"""


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra: ray")
@pytest.mark.parametrize("model", ["qwen2.5-coder-0.5b", "qwen2.5-coder-7b"])
def test_ray_takes_it(model: str) -> None:
    """In a process of its own: importing Ray warns of its own deprecations."""
    serving = vllm_serving(CATALOGUE.get(model), sequences=2, min_replicas=1, max_replicas=1, max_queued=8)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK_RAY],
        input=serving.model_dump_json(exclude_none=True),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.split() == [model, serving.accelerator_config.kind], done.stderr
