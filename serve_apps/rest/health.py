"""How the server is, for people, probes and Prometheus."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from qlayer.types.frozen import Frozen
from serve_apps.rest.parts import PartsOf
from serve_apps.rest.schema import Readiness

router = APIRouter(tags=["health"])


class Health(Frozen):
    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def healthz() -> Health:
    """The process answers. Says nothing of the parts behind it: see `/readyz`."""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness, "description": "A part is not ready."}})
async def readyz(parts: PartsOf, response: Response) -> Readiness:
    """Whether records, blobs, sandbox and model can be used now; 503 when one cannot."""
    readiness = await parts.probe()
    response.status_code = 200 if readiness.ready else 503
    return readiness


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus text format."}},
)
async def metrics(parts: PartsOf) -> Response:
    """This replica's metrics in Prometheus's text format. Ray's own endpoint has those of all replicas."""
    return Response(generate_latest(parts.registry), media_type=CONTENT_TYPE_LATEST)
