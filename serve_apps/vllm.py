"""vLLM through `ray.serve.llm`, which needs the extra ``gpu`` on every node that builds or runs it."""

from __future__ import annotations

from ray.serve import Application

from qlayer.errors import ConfigurationError
from qlayer.llm.vllm import VllmServing


def build_vllm(serving: VllmServing) -> Application:
    """Ray's own OpenAI-compatible application. Raises `ConfigurationError` without vLLM."""
    try:
        from ray.serve.llm import build_openai_app  # fails to import where vLLM is not installed
    except ImportError as error:
        raise ConfigurationError(
            f"vLLM cannot be served from here: {error}", hint="pip install 'qlayer[gpu]', or engine: llamacpp"
        ) from None
    application: Application = build_openai_app({"llm_configs": [serving.model_dump(exclude_none=True)]})
    return application
