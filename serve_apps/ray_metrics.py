"""Our metrics through Ray, which adds deployment, replica and node to each.

They appear as ``ray_<name>`` at every node's metrics port and in Ray's dashboard.
"""

from __future__ import annotations

from ray.util.metrics import Counter, Gauge, Histogram

from qlayer.telemetry.metrics import Instrument, LLMMeter, Metric


class RayCounter:
    def __init__(self, metric: Metric) -> None:
        # Ray appends the ``_total`` that a counter's name ends in.
        self._counter = Counter(metric.name.removesuffix("_total"), metric.description, metric.labels)

    def record(self, value: float, labels: dict[str, str]) -> None:
        self._counter.inc(value, labels)


class RayGauge:
    def __init__(self, metric: Metric) -> None:
        self._gauge = Gauge(metric.name, metric.description, metric.labels)

    def record(self, value: float, labels: dict[str, str]) -> None:
        self._gauge.set(value, labels)


class RayHistogram:
    def __init__(self, metric: Metric) -> None:
        self._histogram = Histogram(metric.name, metric.description, list(metric.buckets), metric.labels)

    def record(self, value: float, labels: dict[str, str]) -> None:
        self._histogram.observe(value, labels)


def ray_meter() -> LLMMeter:
    """A meter for code that runs in a Ray worker."""
    return LLMMeter(ray_instrument)


def ray_instrument(metric: Metric) -> Instrument:
    """The Ray instrument of a metric; only in a Ray worker."""
    match metric.kind:
        case "counter":
            return RayCounter(metric)
        case "gauge":
            return RayGauge(metric)
        case "histogram":
            return RayHistogram(metric)
