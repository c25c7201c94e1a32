"""A Ray of its own on loopback, with the language model in it, for as long as a measurement lasts."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray import serve
from ray.serve.config import HTTPOptions

from qlayer.executor.ray import own_ray
from serve_apps.llm import LLMAppArgs, build


@contextmanager
def local_serve(arguments: dict[str, Any], *, num_cpus: int) -> Iterator[str]:
    """Serve the model that `LLMAppArgs` names; gives the base URL. Ends every process that it started."""
    with own_ray(num_cpus):
        try:
            port = _free_port()
            serve.start(http_options=HTTPOptions(host="127.0.0.1", port=port))
            serve.run(build(LLMAppArgs.model_validate(arguments)), name="llm", route_prefix="/llm")
            yield f"http://127.0.0.1:{port}/llm/v1"
        finally:
            serve.shutdown()  # type: ignore[no-untyped-call]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
