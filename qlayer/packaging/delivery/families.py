"""Which delivery files a family gets, as data. What a family brings itself is never replaced."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Part(StrEnum):
    """A folder of templates below ``files/``."""

    MAKE = "make"
    """A Makefile: the one place that knows the commands; the pipeline calls it."""
    PIPELINE = "pipeline"
    """A GitHub Actions workflow: test, scan, build, sign, release."""
    CONTAINER = "container"
    """A Dockerfile and what is kept out of its context."""
    CLUSTER = "cluster"
    """A Helm chart and plain Kubernetes manifests."""


_SOURCE = (Part.MAKE, Part.PIPELINE)
_PROGRAM = (*_SOURCE, Part.CONTAINER)
_WORKLOAD = (*_PROGRAM, Part.CLUSTER)

FAMILIES: Mapping[str, tuple[Part, ...]] = MappingProxyType(
    {
        "function": _PROGRAM,
        "cli": _PROGRAM,
        "data": _PROGRAM,
        "service": _WORKLOAD,
        "worker": _WORKLOAD,
        "node-service": _WORKLOAD,
        "microservices": _SOURCE,
        "serverless": _SOURCE,
        "model-serving": _SOURCE,
        "web": _SOURCE,
        "mobile": _SOURCE,
        "contract": _SOURCE,
        "free": (),
    }
)
"""A project of a model's own layout gets none: nobody knows how it is built."""

UNKNOWN = _SOURCE
"""For a family that is not listed, where the project says how it is tested."""


def parts_of(family: str) -> tuple[Part, ...]:
    return FAMILIES.get(family.replace("_", "-"), UNKNOWN)
