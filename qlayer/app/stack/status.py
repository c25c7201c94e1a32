"""How a stack is, part by part, found out by asking each part."""

from __future__ import annotations

from typing import Literal

import httpx

from qlayer.app.settings import Settings
from qlayer.app.stack.serve import API_APP, LLM_APP, AppStatus, ServeClient
from qlayer.app.stack.state import StackState, load_state
from qlayer.types.frozen import Frozen

Health = Literal["up", "starting", "degraded", "down"]


class PartStatus(Frozen):
    """One part: ray, api, llm, and what the API's readiness names (records, blobs, sandbox, model)."""

    name: str
    ok: bool
    detail: str = ""


class StackStatus(Frozen):
    """`stack` is None when none is recorded for this data directory."""

    health: Health
    stack: StackState | None = None
    parts: tuple[PartStatus, ...] = ()


def stack_status(settings: Settings) -> StackStatus:
    """Ask every part of the recorded stack; takes at most a few seconds, changes nothing."""
    state = load_state(settings.data_dir)
    if state is None:
        return StackStatus(health="down")
    if state.supervisor is None or not state.supervisor.running:
        gone = PartStatus(name="ray", ok=False, detail="its supervisor does not run; `qlayer down` cleans up")
        return StackStatus(health="down", stack=state, parts=(gone,))
    parts = (*_ray_parts(state), *_ready_parts(state))
    if state.phase == "starting":
        return StackStatus(health="starting", stack=state, parts=parts)
    return StackStatus(
        health="up" if all(part.ok for part in parts) else "degraded", stack=state, parts=parts
    )


def _ray_parts(state: StackState) -> tuple[PartStatus, ...]:
    try:
        with ServeClient(state) as serve:
            apps = serve.apps()
    except (httpx.TransportError, OSError) as error:
        return (PartStatus(name="ray", ok=False, detail=f"the dashboard does not answer: {error}"),)
    names = (API_APP, LLM_APP) if state.serves_llm else (API_APP,)
    ray = PartStatus(name="ray", ok=True, detail=state.dashboard_url)
    return (ray, *(_app_part(name, apps.get(name)) for name in names))


def _app_part(name: str, app: AppStatus | None) -> PartStatus:
    if app is None:
        return PartStatus(name=name, ok=False, detail="not deployed")
    return PartStatus(name=name, ok=app.running, detail=": ".join(filter(None, (app.status, app.message))))


def _ready_parts(state: StackState) -> tuple[PartStatus, ...]:
    """What the API itself says of the parts behind it."""
    try:
        response = httpx.get(f"{state.url}/readyz", timeout=10, trust_env=False)
        parts = response.json()["parts"]
        return tuple(PartStatus.model_validate(part) for part in parts)
    except httpx.TransportError as error:
        return (PartStatus(name="http", ok=False, detail=f"{state.url} does not answer: {error}"),)
    except (ValueError, KeyError, TypeError):
        return (PartStatus(name="http", ok=False, detail=f"/readyz answered {response.status_code}"),)
