"""What must be true before anything is started, each with what to do when it is not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from qlayer.app.settings import Settings
from qlayer.app.stack.serve import EngineOptions
from qlayer.errors import ConfigurationError
from qlayer.llm.catalogue import Catalogue
from qlayer.llm.weights import Weights

MiB = 1024 * 1024
STACK_MEMORY_BYTES = 1_600 * MiB
"""Proportional memory of a stack without weights; seen at 1,523 MiB, of which Ray takes about 1,100."""


def check_host(settings: Settings, engine: EngineOptions) -> None:
    """Raise when a stack cannot come up here: `ConfigurationError` (Ray is not installed, memory is short),
    `NotFoundError` (no such model), `WeightsError` (not pulled yet)."""
    if importlib.util.find_spec("ray") is None:
        raise ConfigurationError("Ray is not installed", hint='pip install "qlayer[ray]"')
    needed = STACK_MEMORY_BYTES + _weights_bytes(settings, engine)
    available = available_memory_bytes(Path("/proc/meminfo").read_text())
    if available is not None and available < needed:
        raise ConfigurationError(
            f"{available // MiB} MiB of memory are available; this stack needs {needed // MiB} MiB",
            hint="end other programs, choose a smaller model, or use `qlayer generate` without a stack",
        )


def available_memory_bytes(meminfo: str) -> int | None:
    """Memory that could be had without swapping, from the text of ``/proc/meminfo``; None: not told."""
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _weights_bytes(settings: Settings, engine: EngineOptions) -> int:
    """Bytes of the weights that this machine will hold in memory; 0 when it holds none."""
    entry = Catalogue.load(settings.catalogue).get(settings.model)
    if settings.uses_remote_llm or engine.engine != "llamacpp":
        return 0
    return Weights(settings.weights).path(entry).stat().st_size
