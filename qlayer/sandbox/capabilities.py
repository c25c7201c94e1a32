"""What this host can do for isolation, found out by doing it, and the tier that follows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterable
from typing import NamedTuple

from qlayer.errors import SandboxError, TierUnavailable
from qlayer.sandbox import cgroup, interpreter
from qlayer.sandbox.base import Capability
from qlayer.sandbox.config import Control
from qlayer.types.verdict import Tier

FIRST_UID = 0x6FFE0000
"""Where host uids for zygotes that root started begin: each takes three. No account has them."""
UID_TRIPLES = 0x10000 // 3

_NAMESPACES = ("user_ns", "pid_ns", "net_ns", "mount_ns")
_NEEDS: dict[Tier, tuple[str, ...]] = {
    Tier.FULL: (*_NAMESPACES, "seccomp", "second_uid", "memory_cgroup", "pids_cgroup"),
    Tier.USERNS: (*_NAMESPACES, "seccomp"),
    Tier.SECCOMP: ("seccomp",),
    Tier.NONE: (),
}
_PROBE_TIMEOUT_S = 60.0
_PROVIDES = {
    Control.SECCOMP: "seccomp",
    Control.PIVOT_ROOT: "mount_ns",
    Control.USER_NS: "user_ns",
    Control.PID_NS: "pid_ns",
    Control.NET_NS: "net_ns",
    Control.SECOND_UID: "second_uid",
    Control.MEMORY_CGROUP: "memory_cgroup",
    Control.PIDS_CGROUP: "pids_cgroup",
}


class Host(NamedTuple):
    """What was found out."""

    capabilities: tuple[Capability, ...]
    controllers: tuple[cgroup.Controller, ...]
    """Those in which a group could be made, limited and joined."""

    def has(self, name: str) -> bool:
        """Whether the capability is there."""
        return any(each.name == name and each.available for each in self.capabilities)


def probe() -> Host:
    """Try everything in throw-away processes; takes about a tenth of a second. Raises `SandboxError`."""
    if sys.platform != "linux":
        return Host(tuple(_absent(name) for name in _NEEDS[Tier.FULL]), ())
    try:
        process = interpreter.start("probe:main", FIRST_UID, stdin=subprocess.PIPE)
    except OSError as error:
        raise SandboxError(f"no interpreter can be started for the sandbox: {error}") from None
    with process:
        groups = [_probe_cgroup(name, process.pid) for name in ("memory", "pids", "cpuacct")]
        try:
            out, err = process.communicate(b"\n", timeout=_PROBE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise SandboxError(f"probing the host took over {_PROBE_TIMEOUT_S:.0f} s") from None
    for _, group in groups:
        if group is not None:
            group.remove()
    if process.returncode != 0:
        raise SandboxError(f"probing the host failed: {err.decode(errors='replace')[-500:]}")
    probed = [Capability(name=name, available=ok, detail=why) for name, ok, why in json.loads(out)]
    controllers = tuple(group.controller for _, group in groups if group is not None)
    counted = _counted_by_memory(controllers)
    return Host((*probed, *(counted.get(found.name, found) for found, _ in groups)), controllers)


def _counted_by_memory(controllers: Iterable[cgroup.Controller]) -> dict[str, Capability]:
    """Version 2 counts CPU time in every group: that of the memory controller does."""
    unified = next((each for each in controllers if each.name == "memory" and each.version == 2), None)
    if unified is None:
        return {}
    detail = f"version 2 at {unified.parent}: cpu.stat of the memory group"
    return {"cpuacct_cgroup": Capability(name="cpuacct_cgroup", available=True, detail=detail)}


def _absent(name: str) -> Capability:
    return Capability(name=name, available=False, detail=f"needs Linux, this is {sys.platform}")


def _probe_cgroup(name: str, pid: int) -> tuple[Capability, cgroup.Group | None]:
    """Make a group, set a limit and move a process into it."""
    why = f"no {name} controller is mounted"
    for controller in cgroup.find(name):
        group = cgroup.Group(controller, f"qlayer-{os.getpid()}-probe-{pid}")
        try:
            group.create()
            group.limit(1 << 30 if name == "memory" else 64)
            (group.path / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            group.remove()
            why = f"version {controller.version}: {error.strerror} ({error.filename or group.path})"
            continue
        detail = f"version {controller.version} at {controller.parent}"
        return Capability(name=f"{name}_cgroup", available=True, detail=detail), group
    return Capability(name=f"{name}_cgroup", available=False, detail=why), None


def tier(capabilities: Iterable[Capability], disabled: Collection[Control] = ()) -> Tier:
    """The strongest tier that these capabilities, less the disabled controls, amount to."""
    off = {_PROVIDES.get(control) for control in disabled}
    have = {capability.name for capability in capabilities if capability.available} - off
    return next(tier for tier, needs in _NEEDS.items() if have.issuperset(needs))


def require(minimum: Tier, capabilities: Iterable[Capability]) -> None:
    """Raises `TierUnavailable`, naming each missing capability and why, when the tier cannot be given."""
    known = {capability.name: capability for capability in capabilities}
    reached = tier(known.values()).value
    missing = [known[name] for name in _NEEDS[minimum] if not known[name].available]
    if missing:
        reasons = "; ".join(f"{capability.name}: {capability.detail}" for capability in missing)
        raise TierUnavailable(
            f"sandbox tier {minimum.value!r} is not available on this host, which reaches {reached!r} "
            f"({reasons})",
            hint=_hint(minimum),
        )


def _hint(minimum: Tier) -> str:
    if minimum is Tier.FULL:
        return "start as root on the host itself; tier 'userns' does without root and cgroups"
    if os.geteuid() == 0:
        return "root in a container also needs --cap-add SYS_ADMIN --security-opt seccomp=unconfined"
    return "start as root or allow unprivileged user namespaces"
