"""Which backends and tiers this host can give: what is enforced, emulated or missing, and why.

Nothing is started or changed; asking for one that is listed as missing is refused with the same reason.
"""

from __future__ import annotations

import platform
from collections.abc import Callable

from qlayer.errors import QlayerError
from qlayer.sandbox import capabilities
from qlayer.sandbox.base import Capability
from qlayer.sandbox.config import DockerConfig, GvisorConfig, SandboxConfig, WarmConfig
from qlayer.sandbox.container import daemon, gvisor
from qlayer.sandbox.runtimes import Toolchain, probe
from qlayer.types.frozen import Frozen
from qlayer.types.language import Language
from qlayer.types.verdict import Tier

_INSTEAD = {
    "memory_cgroup": "instead RLIMIT_DATA bounds each process, and shows only as a MemoryError",
    "pids_cgroup": "instead RLIMIT_NPROC bounds the user's processes, and nothing counts what it refused",
}


class BackendReport(Frozen):
    """One backend on this host."""

    backend: str
    configured: bool
    """It is the one that runs jobs here."""
    available: bool
    tier: Tier | None = None
    """The strongest that it gives."""
    reason: str | None = None
    """Why it is not available, as the refusal says it."""
    hint: str | None = None
    capabilities: tuple[Capability, ...] = ()


class TierReport(Frozen):
    """One tier of the warm backend on this host."""

    tier: Tier
    available: bool
    reason: str | None = None


class LanguageReport(Frozen):
    """One language of the warm backend on this host."""

    language: Language
    available: bool
    detail: str
    """What its tool says of its version, or what to install."""


class Survey(Frozen):
    """Everything that can be asked for here, and what it would be."""

    kernel: str
    backends: tuple[BackendReport, ...]
    tiers: tuple[TierReport, ...]
    """Of the warm backend; below `userns` it refuses to run whatever is asked."""
    languages: tuple[LanguageReport, ...]


def survey(config: SandboxConfig) -> Survey:
    """Look at this host, with the settings of the configured backend. Takes up to a second; never raises."""
    warm, tiers = _warm(config)
    docker = config if isinstance(config, DockerConfig) else DockerConfig()
    runsc = config if isinstance(config, GvisorConfig) else GvisorConfig()
    return Survey(
        kernel=f"{platform.system()} {platform.release()}",
        backends=(
            warm,
            _container("docker", config, lambda: daemon.look(docker)),
            _container("gvisor", config, lambda: gvisor.look(runsc)[2]),
            BackendReport(
                backend="kubernetes",
                configured=config.backend == "kubernetes",
                available=False,
                reason="not built yet",
            ),
        ),
        tiers=tiers,
        languages=tuple(
            LanguageReport(
                language=language,
                available=isinstance(found, Toolchain),
                detail=found.version if isinstance(found, Toolchain) else found,
            )
            for language, found in probe().items()
        ),
    )


def _warm(config: SandboxConfig) -> tuple[BackendReport, tuple[TierReport, ...]]:
    configured = isinstance(config, WarmConfig)
    report = BackendReport(backend="warm", configured=configured, available=False)
    try:
        found = capabilities.probe().capabilities
    except QlayerError as error:
        return report.model_copy(update={"reason": error.message, "hint": error.hint}), ()
    refusals = {tier: _refusal(tier, found) for tier in (Tier.FULL, Tier.USERNS)}
    asked = config.minimum_tier if isinstance(config, WarmConfig) else Tier.USERNS
    refusal = refusals[Tier.FULL if asked is Tier.FULL else Tier.USERNS]
    tier = capabilities.tier(found)
    report = BackendReport(
        backend="warm",
        configured=configured,
        available=refusal is None,
        tier=tier if refusal is None else None,
        reason=refusal.message if refusal else None,
        hint=refusal.hint if refusal else None,
        capabilities=tuple(_or_instead(each) for each in found),
    )
    tiers = tuple(
        TierReport(tier=tier, available=why is None, reason=why.message if why else None)
        for tier, why in refusals.items()
    )
    return report, tiers


def _refusal(tier: Tier, found: tuple[Capability, ...]) -> QlayerError | None:
    try:
        capabilities.require(tier, found)
    except QlayerError as error:
        return error
    return None


def _or_instead(capability: Capability) -> Capability:
    instead = _INSTEAD.get(capability.name)
    if capability.available or instead is None:
        return capability
    detail = f"{capability.detail}; {instead}"
    return capability.model_copy(update={"emulated": True, "detail": detail})


def _container(
    backend: str, config: SandboxConfig, look: Callable[[], tuple[Capability, ...]]
) -> BackendReport:
    configured = config.backend == backend
    try:
        found = look()
    except QlayerError as error:
        return BackendReport(
            backend=backend,
            configured=configured,
            available=False,
            reason=error.message,
            hint=error.hint,
        )
    return BackendReport(
        backend=backend, configured=configured, available=True, tier=Tier.FULL, capabilities=found
    )
