"""A Ray of this process's own, for one machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import ray

_MiB = 1024 * 1024


@contextmanager
def own_ray(cpus: int) -> Iterator[None]:
    """A Ray of this process's own on loopback, ended with it; one that is initialised already is used."""
    if ray.is_initialized():
        yield
        return
    with TemporaryDirectory(prefix="qx-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        ray.init(
            address="local",
            num_cpus=cpus,
            object_store_memory=100 * _MiB,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,  # a short path: those of Ray's sockets hold 107 characters
            # Ray runs its workers at nice 15, which would starve them beside the driver.
            _system_config={"worker_niceness": 0},
        )
        try:
            yield
        finally:
            ray.shutdown()
