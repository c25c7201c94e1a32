"""What the routes work with: the open platform, the worker, the meter. One set for each application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from qlayer.app.build import Platform
from qlayer.sandbox.sessions.base import SessionHost, SessionLimits
from serve_apps.rest.desk import Desk
from serve_apps.rest.metrics import ApiMeter
from serve_apps.rest.readiness import Probe
from serve_apps.rest.scan_room import ScanRoom
from serve_apps.rest.worker import RunWorker


@dataclass(frozen=True)
class Parts:
    platform: Platform
    worker: RunWorker
    probe: Probe
    meter: ApiMeter
    registry: CollectorRegistry
    heartbeat_s: float
    desk: Desk
    sessions: SessionHost
    session_limits: SessionLimits
    """The most that one session may ask for."""
    scans: ScanRoom


def _parts(request: Request) -> Parts:
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts


def _root(request: Request) -> str:
    """The path below which the application is mounted, without a slash at its end."""
    return str(request.scope.get("root_path", "")).rstrip("/")


PartsOf = Annotated[Parts, Depends(_parts)]
Root = Annotated[str, Depends(_root)]
