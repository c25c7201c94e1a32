"""Health, readiness, metrics, and the documentation."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rest_world import Client, World

from qlayer.errors import LLMUnavailable, StoreError


async def test_alive_and_ready(client: Client) -> None:
    async with client() as http:
        alive = await http.get("/healthz")
        ready = await http.get("/readyz")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert ready.status_code == 200, ready.text
    assert [part["name"] for part in ready.json()["parts"]] == ["records", "blobs", "sandbox", "model"]


@pytest.mark.parametrize(
    ("part", "owner", "method", "error"),
    [
        ("records", "records", "ping", StoreError("the database is away")),
        ("blobs", "blobs", "has", StoreError("the disk is away")),
        ("model", "llm", "models", LLMUnavailable("the model is away")),
    ],
)
async def test_a_part_that_is_away_is_named(
    world: World,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    owner: str,
    method: str,
    error: Exception,
) -> None:
    async def away(*args: object) -> None:
        raise error

    monkeypatch.setattr(getattr(world.platform, owner), method, away)
    async with client() as http:
        answer = await http.get("/readyz")
    assert answer.status_code == 503
    assert [entry for entry in answer.json()["parts"] if not entry["ok"]] == [
        {"name": part, "ok": False, "detail": str(error)}
    ]


async def test_a_model_that_is_not_the_configured_one_is_not_ready(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none_served() -> tuple[()]:
        return ()

    monkeypatch.setattr(world.platform.llm, "models", none_served)
    async with client() as http:
        answer = await http.get("/readyz")
    assert answer.status_code == 503
    assert "is not served" in answer.text


async def test_metrics_count_by_route_and_not_by_path(client: Client) -> None:
    async with client() as http:
        await http.get("/runs/run-000000000000-00000000")
        await http.get("/made/up/path")
        text = (await http.get("/metrics")).text
    assert 'qlayer_api_requests_total{method="GET",route="/runs/{run_id}",status="404"} 1.0' in text
    assert 'route="(none)",status="404"} 1.0' in text
    assert "made" not in text


async def test_the_isolation_is_told_with_what_is_missing(client: Client) -> None:
    async with client() as http:
        answer = await http.get("/capabilities")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["sandbox"]["backend"] == "fake"
    backends = {report["backend"]: report for report in told["host"]["backends"]}
    assert set(backends) == {"warm", "docker", "gvisor", "kubernetes"}
    assert [name for name, report in backends.items() if report["configured"]] == ["warm"]
    assert backends["kubernetes"]["reason"] == "not built yet"
    for report in backends.values():
        assert report["available"] or report["reason"], report
        assert all(capability["detail"] for capability in report["capabilities"])
    assert [tier["tier"] for tier in told["host"]["tiers"]] == ["full", "userns"]


async def test_a_host_that_is_not_ours_is_refused(client: Client) -> None:
    async with client(allowed_hosts=("127.0.0.1", "localhost")) as http:
        ours = await http.get("/healthz", headers={"Host": "localhost:8420"})
        rebound = await http.get("/capsules", headers={"Host": "evil.example:8420"})
    assert ours.status_code == 200
    assert rebound.status_code == 421
    assert rebound.headers["content-type"] == "application/problem+json"


async def test_the_documentation_is_complete(client: Client) -> None:
    async with client() as http:
        document = (await http.get("/openapi.json")).json()
        page = await http.get("/docs")
        scripts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        loaded = [(await http.get(script)).status_code for script in scripts if script.startswith("/")]
    assert page.status_code == 200
    assert len(loaded) >= 2 and set(loaded) == {200}
    assert not any(script.startswith("http") for script in scripts), "the page must work without a network"
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == {
        "POST /generate",
        "GET /runs",
        "GET /runs/{run_id}",
        "GET /runs/{run_id}/events",
        "POST /runs/{run_id}/cancel",
        "POST /runs/{run_id}/answers",
        "GET /capsules",
        "GET /capsules/{capsule}",
        "GET /capsules/{capsule}/verify",
        "POST /capsules/{capsule}/edit",
        "POST /capsules/{capsule}/accept",
        "GET /capsules/{capsule}/archive",
        "GET /capsules/{capsule}/files/{path}",
        "GET /capabilities",
        "POST /validate",
        "GET /capsules/{capsule}/sbom",
        "GET /capsules/{capsule}/provenance",
        "GET /capsules/{capsule}/image",
        "GET /capsules/{capsule}/scan",
        "POST /policy/explain",
        "POST /generate-extended",
        "POST /scan",
        "POST /files",
        "HEAD /files/{digest}",
        "POST /sessions",
        "GET /sessions",
        "GET /sessions/{session_id}",
        "DELETE /sessions/{session_id}",
        "POST /sessions/{session_id}/exec",
        "POST /sessions/{session_id}/fork",
        "GET /sessions/{session_id}/files",
        "GET /sessions/{session_id}/files/{path}",
        "PUT /sessions/{session_id}/files/{path}",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
    }
    for name, operation in operations.items():
        assert operation["description"], name
        assert operation["tags"], name
        _check_problems(name, operation)
    assert document["components"]["schemas"]["GenerateRequest"]["examples"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def _check_problems(name: str, operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if status.startswith("2") or name == "GET /readyz":
            continue
        assert list(response["content"]) == ["application/problem+json"], (name, status)
