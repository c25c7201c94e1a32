"""The API as a Ray Serve application: ``serve_apps.api:build`` for a Serve configuration or a `RayService`.

Everything about HTTP is in `serve_apps.rest`; this module says how it is deployed. Each replica opens its own
platform and works on runs itself; the lease in the records keeps two replicas from working on the same one.
"""

# No `from __future__ import annotations`: Serve reads the real class of `build`'s argument.
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from pydantic import Field
from ray import serve
from ray.serve import Application

from qlayer.app.build import Platform, open_platform
from qlayer.app.grading import Grader, ray_grader
from qlayer.app.settings import Settings
from qlayer.types.frozen import Frozen
from serve_apps.ray_metrics import ray_instrument
from serve_apps.rest.app import ApiConfig, api_app, over_own_sandbox

HTTP_REQUESTS_AT_ONCE = 512
"""Per replica. Every follower of a run holds one, so Serve's default of 5 would be full at once."""


class ApiAppArgs(Frozen):
    """Arguments of `build`, as they stand in a Serve configuration."""

    settings: Settings
    """All settings that differ from the defaults; a replica does not read the caller's environment."""
    api: ApiConfig = ApiConfig()
    num_replicas: int = Field(default=1, ge=1, le=64)
    num_cpus: float = Field(default=1.0, ge=0)
    """Tickets for admission. A run's sandbox computes while the model waits, and the other way round."""
    supervisors: int = Field(default=0, ge=0, le=1_024)
    """Per replica, for `POST /validate`, with one CPU ticket each; 0: the replica's own sandbox judges."""
    health_check_period_s: float = Field(default=2.0, gt=0)
    """A killed replica is replaced after at most this long plus its start."""
    shutdown_s: float = Field(default=15.0, gt=0)
    """Grace for open requests when a replica is replaced; its runs are handed on, not waited for."""


def build(args: ApiAppArgs) -> Application:
    """The application; bind it to ``/``."""
    deployment = serve.deployment(
        name="Api",
        num_replicas=args.num_replicas,
        ray_actor_options={"num_cpus": args.num_cpus},
        max_ongoing_requests=HTTP_REQUESTS_AT_ONCE,
        health_check_period_s=args.health_check_period_s,
        health_check_timeout_s=30.0,
        graceful_shutdown_timeout_s=args.shutdown_s,
        graceful_shutdown_wait_loop_s=0.5,
    )(Api)
    application: Application = deployment.bind(args)
    return application


@serve.ingress()
class Api:
    """One replica: an open platform and the API over it."""

    # The platform is opened here and not in the application's lifespan: Serve shows what a constructor
    # raises as the deployment's message, of a failed lifespan only that it failed.
    async def __init__(self, args: ApiAppArgs) -> None:  # type: ignore[misc]
        self._args = args
        self._open = AsyncExitStack()
        self._platform = await self._open.enter_async_context(open_platform(args.settings))

    def __serve_build_asgi_app__(self) -> FastAPI:
        owner = f"api-{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"
        return api_app(
            self._opened, self._args.api, owner=owner, also_record=(ray_instrument,), make_grader=self._grader
        )

    def _grader(self, platform: Platform) -> Grader:
        if self._args.supervisors == 0:
            return over_own_sandbox(platform)
        return ray_grader(platform.settings, workers=1, supervisors=self._args.supervisors)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Platform]:
        yield self._platform

    async def __del__(self) -> None:
        """Serve awaits this after the application's shutdown has given back the runs."""
        await self._open.aclose()
