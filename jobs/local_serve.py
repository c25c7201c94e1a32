"""A Ray of its own on loopback, with the language model in it, for as long as a measurement lasts."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray import serve
from ray.serve.config import HTTPOptions

from serve_apps.llm import LLMAppArgs, build

MiB = 1024 * 1024


@contextmanager
def local_serve(arguments: dict[str, Any], *, num_cpus: int) -> Iterator[str]:
    """Serve the model that `LLMAppArgs` names; gives the base URL. Ends every process that it started."""
    with tempfile.TemporaryDirectory(prefix="qb-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        ray.init(
            address="local",
            num_cpus=num_cpus,
            object_store_memory=100 * MiB,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,  # a short path: those of Ray's sockets hold 107 characters
            # Ray runs its workers at nice 15, which would compare two priorities.
            _system_config={"worker_niceness": 0},
        )
        try:
            port = _free_port()
            serve.start(http_options=HTTPOptions(host="127.0.0.1", port=port))
            serve.run(build(LLMAppArgs.model_validate(arguments)), name="llm", route_prefix="/llm")
            yield f"http://127.0.0.1:{port}/llm/v1"
        finally:
            serve.shutdown()  # type: ignore[no-untyped-call]
            ray.shutdown()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
