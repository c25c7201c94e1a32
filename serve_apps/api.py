"""The API as a Ray Serve application: ``serve_apps.api:build`` for a Serve configuration or a `RayService`.

Everything about HTTP is in `serve_apps.rest`; this module says how it is deployed. Each replica opens its own
platform and works on runs itself; the lease in the records keeps two replicas from working on the same one.
"""

# No `from __future__ import annotations`: Serve reads the real class of `build`'s argument.
import os
import socket

from fastapi import FastAPI
from pydantic import Field
from ray import serve
from ray.serve import Application

from qlayer.app.build import open_platform
from qlayer.app.settings import Settings
from qlayer.types.frozen import Frozen
from serve_apps.rest.app import ApiConfig, api_app

HTTP_REQUESTS_AT_ONCE = 512
"""Per replica. Every follower of a run holds one, so Serve's default of 5 would be full at once."""


class ApiAppArgs(Frozen):
    """Arguments of `build`, as they stand in a Serve configuration."""

    settings: Settings
    """All settings that differ from the defaults; a replica does not read the caller's environment."""
    api: ApiConfig = ApiConfig()
    num_replicas: int = Field(default=1, ge=1, le=64)
    num_cpus: float = Field(default=1.0, ge=0)
    """Tickets for admission: what a run's sandbox uses while the model waits, and the other way round."""
    health_check_period_s: float = Field(default=2.0, gt=0)
    """A killed replica is replaced after at most this long plus its start."""
    shutdown_s: float = Field(default=15.0, gt=0)
    """Grace for open requests when a replica is replaced; its runs are handed on, not waited for."""


def build(args: ApiAppArgs) -> Application:
    """The application; bind it to ``/``."""

    def make() -> FastAPI:
        owner = f"api-{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"
        return api_app(lambda: open_platform(args.settings), args.api, owner=owner)

    deployment = serve.deployment(
        name="Api",
        num_replicas=args.num_replicas,
        ray_actor_options={"num_cpus": args.num_cpus},
        max_ongoing_requests=HTTP_REQUESTS_AT_ONCE,
        health_check_period_s=args.health_check_period_s,
        health_check_timeout_s=30.0,
        graceful_shutdown_timeout_s=args.shutdown_s,
        graceful_shutdown_wait_loop_s=0.5,
    )(serve.ingress(make)())
    return deployment.bind()
