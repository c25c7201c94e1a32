"""What is measured about the API, said once; recorded by Prometheus here and by Ray in a replica."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qlayer.telemetry.metrics import Instrument, Metric

HTTP_REQUESTS = Metric(
    "qlayer_api_requests_total", "counter", "HTTP requests", labels=("method", "route", "status")
)
HTTP_SECONDS = Metric(
    "qlayer_api_request_seconds",
    "histogram",
    "Seconds until the response began",
    labels=("method", "route"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
FOLLOWERS = Metric("qlayer_api_followers", "gauge", "Clients that follow a run", labels=())
RUNS_ACTIVE = Metric("qlayer_runs_active", "gauge", "Runs that this replica works on", labels=())
RUNS_WAITING = Metric("qlayer_runs_waiting", "gauge", "Runs that wait in this replica", labels=())
RUNS_ENDED = Metric("qlayer_runs_ended_total", "counter", "Runs by how they ended", labels=("status",))
RUNS_POSTPONED = Metric(
    "qlayer_runs_postponed_total", "counter", "Times that a run was put off, by error", labels=("error",)
)

API_METRICS = (
    HTTP_REQUESTS,
    HTTP_SECONDS,
    FOLLOWERS,
    RUNS_ACTIVE,
    RUNS_WAITING,
    RUNS_ENDED,
    RUNS_POSTPONED,
)


class ApiMeter:
    """Records into instruments that `make` gives, one for each metric."""

    def __init__(self, make: Callable[[Metric], Instrument]) -> None:
        self._instruments = {metric: make(metric) for metric in API_METRICS}
        self._followers = 0

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._record(HTTP_REQUESTS, 1, {"method": method, "route": route, "status": str(status)})
        self._record(HTTP_SECONDS, seconds, {"method": method, "route": route})

    def follower(self, change: int) -> None:
        self._followers += change
        self._record(FOLLOWERS, self._followers, {})

    def runs(self, *, active: int, waiting: int) -> None:
        self._record(RUNS_ACTIVE, active, {})
        self._record(RUNS_WAITING, waiting, {})

    def ended(self, status: str) -> None:
        self._record(RUNS_ENDED, 1, {"status": status})

    def postponed(self, error: str) -> None:
        self._record(RUNS_POSTPONED, 1, {"error": error})

    def _record(self, metric: Metric, value: float, labels: dict[str, str]) -> None:
        self._instruments[metric].record(value, labels)


class Metered:
    """ASGI middleware: counts every response by its route's pattern, never by its path."""

    def __init__(self, app: ASGIApp, meter: ApiMeter) -> None:
        self._app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()

        async def metered(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "(none)")
                self._meter.request(scope["method"], route, message["status"], perf_counter() - begun)
            await send(message)

        await self._app(scope, receive, metered)
