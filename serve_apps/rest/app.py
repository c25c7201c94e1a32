"""The application: routes, guards and error answers around an open platform.

It runs under any ASGI server. `serve_apps.api` puts it into a Ray Serve deployment; tests call it in process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry
from pydantic import Field

from qlayer import __version__
from qlayer.app.build import Platform
from qlayer.app.grading import Grader, over
from qlayer.sandbox.sessions.base import SessionHost, SessionLimits
from qlayer.sandbox.sessions.warm import WarmSessions
from qlayer.telemetry.metrics import Instrument, Metric, PrometheusInstrument
from qlayer.types.frozen import Frozen
from serve_apps.rest import (
    capabilities,
    capsules,
    documentation,
    evidence,
    files,
    health,
    problems,
    runs,
    scans,
    validate,
)
from serve_apps.rest import sessions as session_routes
from serve_apps.rest.desk import Desk
from serve_apps.rest.guards import BodyLimit, HostGuard
from serve_apps.rest.metrics import ApiMeter, Metered
from serve_apps.rest.parts import Parts
from serve_apps.rest.readiness import Probe
from serve_apps.rest.scan_room import ScanRoom
from serve_apps.rest.worker import RunWorker

OpenPlatform = Callable[[], AbstractAsyncContextManager[Platform]]
MakeGrader = Callable[[Platform], Grader]
MakeInstrument = Callable[[Metric], Instrument]


def over_own_sandbox(platform: Platform) -> Grader:
    """Judges in this process, with the sandbox that the runs use too."""
    return over(platform.sandbox, getattr(platform.settings.sandbox, "workers", 1))


Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
MakeSessions = Callable[[Platform, int], SessionHost]


def _warm_sessions(platform: Platform, most: int) -> SessionHost:
    return WarmSessions(platform.settings.warm, most=most)


class ApiConfig(Frozen):
    """How one replica behaves."""

    max_runs: int = Field(default=2, ge=1, le=64)
    """Runs worked on at once; more wait, on record."""
    scan_s: float = Field(default=3.0, gt=0)
    """How often runs are looked for whose worker has gone."""
    heartbeat_s: float = Field(default=15.0, gt=0)
    """Silence after which a follower gets a comment, so that proxies keep the connection."""
    max_sessions: int = Field(default=8, ge=0, le=1_000)
    """Sessions open at once; one more is answered 429."""
    session_limits: SessionLimits = SessionLimits()
    """Of each session, unless less is asked for; more is refused."""
    validate_room: int = Field(default=2_000, ge=1, le=100_000)
    """Jobs of `POST /validate` taken in at once, waiting ones included; more are answered 429."""
    allowed_hosts: tuple[str, ...] = ()
    """Host headers that are answered; empty: all."""


def api_app(
    open_platform: OpenPlatform,
    config: ApiConfig,
    *,
    owner: str,
    also_record: Sequence[MakeInstrument] = (),
    make_grader: MakeGrader = over_own_sandbox,
    make_sessions: MakeSessions = _warm_sessions,
) -> FastAPI:
    """The API over the platform that `open_platform` opens when the server starts.

    `owner` names this process in leases and must be unique to it. `also_record` makes further instruments
    that get every measurement, beside the Prometheus ones behind ``/metrics``.
    """
    registry = CollectorRegistry()
    meter = ApiMeter(
        lambda metric: _Tee(PrometheusInstrument(metric, registry), *(m(metric) for m in also_record))
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_platform() as platform,
            _worker(platform, meter, config, owner) as worker,
            make_sessions(platform, config.max_sessions) as sessions,
            make_grader(platform) as grader,
        ):
            app.state.parts = Parts(
                platform,
                worker,
                Probe(platform),
                meter,
                registry,
                config.heartbeat_s,
                Desk(grader, config.validate_room),
                sessions,
                config.session_limits,
                ScanRoom(platform.settings),
            )
            yield

    app = _documented(lifespan)
    for router in _ROUTERS:
        app.include_router(router)
    problems.install(app)
    app.add_middleware(BodyLimit)
    if config.allowed_hosts:
        app.add_middleware(HostGuard, allowed=config.allowed_hosts)
    app.add_middleware(Metered, meter=meter)
    return app


_ROUTERS = (
    runs.router,
    capsules.router,
    evidence.router,
    scans.router,
    capabilities.router,
    files.router,
    validate.router,
    session_routes.router,
    health.router,
)


def _worker(platform: Platform, meter: ApiMeter, config: ApiConfig, owner: str) -> RunWorker:
    return RunWorker(
        platform.pipeline,
        platform.records,
        meter,
        owner=owner,
        max_runs=config.max_runs,
        scan_s=config.scan_s,
    )


def _documented(lifespan: Lifespan) -> FastAPI:
    """The bare application, with its pages of documentation."""
    app = FastAPIOffline(
        title=documentation.TITLE,
        summary=documentation.SUMMARY,
        description=documentation.DESCRIPTION,
        version=__version__,
        openapi_tags=documentation.TAGS,
        lifespan=lifespan,
    )
    app.openapi = lambda: documentation.document(app)  # type: ignore[method-assign]  # FastAPI's own way
    return app


class _Tee:
    """One measurement to several instruments."""

    def __init__(self, *instruments: Instrument) -> None:
        self._instruments = instruments

    def record(self, value: float, labels: dict[str, str]) -> None:
        for instrument in self._instruments:
            instrument.record(value, labels)
