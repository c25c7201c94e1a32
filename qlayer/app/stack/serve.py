"""Telling Ray Serve what to run, through the dashboard's REST interface, and asking how it goes.

The body is the same configuration that a KubeRay `RayService` carries, so both ways in build the same apps.
"""

from __future__ import annotations

from typing import Any, Literal

import httpx
from pydantic import Field

from qlayer.app.settings import Settings
from qlayer.app.stack.state import StackState
from qlayer.errors import ConfigurationError
from qlayer.types.frozen import Frozen

API_APP = "api"
LLM_APP = "llm"
LLM_PREFIX = "/llm"

_APPLICATIONS = "/api/serve/applications/"


class EngineOptions(Frozen):
    """Which engine serves the model. The fake says `fake_answer`, for tests of a stack without weights."""

    engine: Literal["llamacpp", "vllm", "fake"] = "llamacpp"
    fake_answer: str = ""
    fake_token_s: float = Field(default=0.0, ge=0)
    """Pause before each token."""


class AppStatus(Frozen):
    """One Serve application, as its controller sees it."""

    name: str
    status: str
    """NOT_STARTED, DEPLOYING, RUNNING, UNHEALTHY, DEPLOY_FAILED, DELETING; MISSING when Serve lacks it."""
    message: str = ""

    @property
    def running(self) -> bool:
        return self.status == "RUNNING"

    @property
    def failed(self) -> bool:
        return self.status == "DEPLOY_FAILED"


def serve_config(
    state: StackState, settings: Settings, engine: EngineOptions, api_replicas: int
) -> dict[str, Any]:
    """The declarative configuration of both apps (of the API only, when the LLM is elsewhere)."""
    api = {
        "name": API_APP,
        "route_prefix": "/",
        "import_path": "serve_apps.api:build",
        "args": {
            "settings": _api_settings(state, settings),
            "api": {"allowed_hosts": sorted({state.host, "localhost"})},
            "num_replicas": api_replicas,
        },
    }
    llm = {
        "name": LLM_APP,
        "route_prefix": LLM_PREFIX,
        "import_path": "serve_apps.llm:build",
        "args": _llm_args(settings, engine),
    }
    return {
        "proxy_location": "HeadOnly",
        "http_options": {"host": state.host, "port": state.ports.http},
        "applications": [api, llm] if state.serves_llm else [api],
    }


def _api_settings(state: StackState, settings: Settings) -> dict[str, Any]:
    """All settings as arguments: the environment of a replica says nothing. The key alone is left out."""
    return settings.model_dump(mode="json", exclude={"llm_api_key"}) | {
        "data_dir": str(settings.data_dir.resolve()),
        "weights_dir": str(settings.weights.resolve()),
        "models_dir": str(settings.catalogue.resolve()),
        "llm": "remote",
        "llm_url": state.llm_url,
    }


def _llm_args(settings: Settings, engine: EngineOptions) -> dict[str, Any]:
    return engine.model_dump(exclude_defaults=True) | {
        "model": settings.model,
        "engine": engine.engine,
        "models_dir": str(settings.catalogue.resolve()),
        "weights_dir": str(settings.weights.resolve()),
        "slots": settings.llm_slots,
        "num_cpus": settings.llm_threads,
    }


class ServeClient:
    """The dashboard's Serve interface. Use as a context manager.

    Raises `httpx.TransportError` while the dashboard does not answer.
    """

    def __init__(self, state: StackState) -> None:
        token = state.token_path.read_text().strip()
        self._http = httpx.Client(
            base_url=state.dashboard_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,  # a proxy of the environment has no business on loopback
        )

    def __enter__(self) -> ServeClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.close()

    def answers(self) -> bool:
        """True when the dashboard is there and takes our token."""
        try:
            return self._http.get("/api/version", timeout=5).is_success
        except httpx.TransportError:
            return False

    def deploy(self, config: dict[str, Any]) -> None:
        """Hand over the whole configuration; Serve works towards it from then on."""
        try:
            response = self._http.put(_APPLICATIONS, json=config, timeout=120)
        except httpx.TransportError as error:
            raise ConfigurationError(f"Ray's dashboard did not take the apps: {error}") from error
        if not response.is_success:
            raise ConfigurationError(f"Ray Serve refused the apps: {response.text.strip()[-2_000:]}")

    def apps(self) -> dict[str, AppStatus]:
        """Status by name of every app that Serve knows."""
        response = self._http.get(_APPLICATIONS)
        if not response.is_success:
            return {}
        found = response.json().get("applications", {})
        return {
            name: AppStatus(name=name, status=app["status"], message=_message(app))
            for name, app in found.items()
        }

    def shutdown(self) -> None:
        """Stop all replicas gracefully, so that they give back what they hold."""
        self._http.delete(_APPLICATIONS, timeout=60)


def _message(app: dict[str, Any]) -> str:
    """The app's own message, or else the first deployment that has one."""
    deployments = (app.get("deployments") or {}).values()
    parts = [app.get("message", ""), *(deployment.get("message", "") for deployment in deployments)]
    return next((part for part in parts if part), "")
