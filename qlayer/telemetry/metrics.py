"""What is measured about serving a language model, said once and recorded anywhere.

`LLM_METRICS` is the table of instruments; `LLMMeter` fills them. Prometheus instruments are made here, Ray's
in `serve_apps`, so that both show the same numbers under the same names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_RATES = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 50.0, 75.0, 100.0, 200.0, 500.0)


@dataclass(frozen=True)
class Metric:
    """One instrument. A counter's name ends in ``_total``; units stand in the name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    description: str
    labels: tuple[str, ...] = ("model",)
    buckets: tuple[float, ...] = ()


REQUESTS = Metric(
    "qlayer_llm_requests_total",
    "counter",
    "Chat completions by HTTP status; 499: the client went away",
    ("model", "status"),
)
PROMPT_TOKENS = Metric("qlayer_llm_prompt_tokens_total", "counter", "Tokens of prompts, cached ones included")
CACHED_TOKENS = Metric(
    "qlayer_llm_cached_tokens_total", "counter", "Prompt tokens taken from the prefix cache"
)
COMPLETION_TOKENS = Metric("qlayer_llm_completion_tokens_total", "counter", "Generated tokens")
FIRST_TOKEN = Metric(
    "qlayer_llm_first_token_seconds",
    "histogram",
    "Seconds to the first token, queue included",
    buckets=_SECONDS,
)
DURATION = Metric(
    "qlayer_llm_request_seconds",
    "histogram",
    "Seconds from request to last token, of what was begun",
    buckets=_SECONDS,
)
TOKEN_RATE = Metric(
    "qlayer_llm_tokens_per_second",
    "histogram",
    "Generated tokens a second of one request, after its first token",
    buckets=_RATES,
)
RUNNING = Metric("qlayer_llm_running", "gauge", "Generations that hold a slot", labels=())
QUEUED = Metric("qlayer_llm_queued", "gauge", "Requests that wait for a slot", labels=())

LLM_METRICS = (
    REQUESTS,
    PROMPT_TOKENS,
    CACHED_TOKENS,
    COMPLETION_TOKENS,
    FIRST_TOKEN,
    DURATION,
    TOKEN_RATE,
    RUNNING,
    QUEUED,
)


class Instrument(Protocol):
    """Takes values: a counter adds them, a gauge keeps the last, a histogram counts them."""

    def record(self, value: float, labels: dict[str, str]) -> None: ...


@dataclass(frozen=True)
class Call:
    """One chat completion, over."""

    model: str
    status: int
    """As in HTTP; 499 when the client went away."""
    seconds: float
    first_token_s: float | None = None
    """None when no token came."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


class LLMMeter:
    """Records calls and occupancy into instruments that `make` gives, one for each metric."""

    def __init__(self, make: Callable[[Metric], Instrument]) -> None:
        self._instruments = {metric: make(metric) for metric in LLM_METRICS}

    def finished(self, call: Call) -> None:
        labels = {"model": call.model}
        self._record(REQUESTS, 1, labels | {"status": str(call.status)})
        for metric, tokens in (
            (PROMPT_TOKENS, call.prompt_tokens),
            (CACHED_TOKENS, call.cached_tokens),
            (COMPLETION_TOKENS, call.completion_tokens),
        ):
            if tokens:
                self._record(metric, tokens, labels)
        if call.first_token_s is None:
            return
        self._record(FIRST_TOKEN, call.first_token_s, labels)
        self._record(DURATION, call.seconds, labels)
        decoding_s = call.seconds - call.first_token_s
        if call.completion_tokens > 1 and decoding_s > 0:
            self._record(TOKEN_RATE, (call.completion_tokens - 1) / decoding_s, labels)

    def occupied(self, *, running: int, queued: int) -> None:
        self._record(RUNNING, running, {})
        self._record(QUEUED, queued, {})

    def _record(self, metric: Metric, value: float, labels: dict[str, str]) -> None:
        self._instruments[metric].record(value, labels)


class PrometheusInstrument:
    """A metric in a Prometheus registry."""

    def __init__(self, metric: Metric, registry: CollectorRegistry) -> None:
        name, text, labels = metric.name, metric.description, metric.labels
        self._write: Callable[[float, dict[str, str]], None]
        match metric.kind:
            case "counter":
                counter = Counter(name, text, labels, registry=registry)
                self._write = lambda value, of: (counter.labels(**of) if of else counter).inc(value)
            case "gauge":
                gauge = Gauge(name, text, labels, registry=registry)
                self._write = lambda value, of: (gauge.labels(**of) if of else gauge).set(value)
            case "histogram":
                histogram = Histogram(name, text, labels, buckets=metric.buckets, registry=registry)
                self._write = lambda value, of: (histogram.labels(**of) if of else histogram).observe(value)

    def record(self, value: float, labels: dict[str, str]) -> None:
        self._write(value, labels)


def prometheus_meter(registry: CollectorRegistry) -> LLMMeter:
    return LLMMeter(lambda metric: PrometheusInstrument(metric, registry))
