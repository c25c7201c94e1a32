"""What a call leaves in the instruments."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from qlayer.telemetry.metrics import LLM_METRICS, Call, prometheus_meter


def test_an_answered_call_fills_every_instrument() -> None:
    registry = CollectorRegistry()
    meter = prometheus_meter(registry)
    meter.finished(
        Call(
            "m", 200, seconds=3.0, first_token_s=1.0, prompt_tokens=30, cached_tokens=20, completion_tokens=11
        )
    )
    meter.occupied(running=2, queued=1)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"qlayer_llm_{name}", labels)

    assert value("requests_total", model="m", status="200") == 1
    assert value("prompt_tokens_total", model="m") == 30
    assert value("cached_tokens_total", model="m") == 20
    assert value("completion_tokens_total", model="m") == 11
    assert value("first_token_seconds_sum", model="m") == 1
    assert value("request_seconds_sum", model="m") == 3
    assert value("tokens_per_second_sum", model="m") == 5
    assert (value("running"), value("queued")) == (2, 1)


def test_a_refused_call_says_nothing_about_speed() -> None:
    registry = CollectorRegistry()
    prometheus_meter(registry).finished(Call("m", 400, seconds=0.1))
    assert registry.get_sample_value("qlayer_llm_requests_total", {"model": "m", "status": "400"}) == 1
    assert registry.get_sample_value("qlayer_llm_request_seconds_count", {"model": "m"}) is None


def test_names_carry_their_units_and_kinds() -> None:
    for metric in LLM_METRICS:
        assert metric.name.startswith("qlayer_llm_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.description
