"""The docker daemon, seen from here: its address, its image of ours, and what a killed host left with it."""

from __future__ import annotations

import contextlib
import platform
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from qlayer.errors import SandboxError, TierUnavailable
from qlayer.sandbox.base import Capability
from qlayer.sandbox.config import DockerConfig
from qlayer.sandbox.container import image, jail

REPOSITORY = "qlayer-sandbox"
LABEL_PID, LABEL_STARTED, LABEL_HOST = "qlayer.host.pid", "qlayer.host.started", "qlayer.host.boot"
_API_TIMEOUT_S = 120
_USUAL = "unix:///var/run/docker.sock"
_BOOT = Path("/proc/sys/kernel/random/boot_id")

Answer = TypeVar("Answer")


class Daemon(NamedTuple):
    """An open client and what it told about its daemon."""

    client: Any
    capabilities: tuple[Capability, ...]
    image: str
    """Digest."""


def connect(config: DockerConfig) -> Daemon:
    """An open client, with the image in place. Raises `TierUnavailable` with the reason."""
    client, capabilities = _opened(config)
    try:
        _sweep(client)
        return Daemon(client, capabilities, asked(_image, client))
    except BaseException:
        client.close()
        raise


def look(config: DockerConfig) -> tuple[Capability, ...]:
    """What a sandbox there would enforce; nothing is made. Raises `TierUnavailable` with the reason."""
    client, capabilities = _opened(config)
    client.close()
    return capabilities


def _opened(config: DockerConfig) -> tuple[Any, tuple[Capability, ...]]:
    try:
        import docker  # the extra `docker`: this backend's own client, and nobody else's
    except ImportError:
        raise _missing("the docker client library is not installed", 'pip install "qlayer[docker]"') from None
    try:
        given = {"base_url": config.host} if config.host else docker.utils.kwargs_from_env()
        # Asked first by ourselves: a client that finds nobody leaves its own socket to the garbage collector.
        _call(given.get("base_url", _USUAL))
        client = docker.DockerClient(**given, timeout=_API_TIMEOUT_S)
        about = client.info()
    except (docker.errors.DockerException, OSError) as error:
        where = config.host or "its usual address"
        raise _missing(f"no daemon answers at {where} ({_short(error)})", "start dockerd") from None
    profile = next((name for name in about.get("SecurityOptions") or () if "seccomp" in name), "")
    return client, _found(about["ServerVersion"], profile)


def _call(address: str) -> None:
    """Raises OSError when nobody listens at a unix socket; other addresses are the client's to try."""
    if "://" in address and not address.startswith(("unix://", "http+unix://")):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(address.partition("://")[2])


def _missing(reason: str, hint: str) -> TierUnavailable:
    return TierUnavailable(f"sandbox backend 'docker' is not available: {reason}", hint=hint)


def _image(client: Any) -> str:
    """The digest of the image, which is built when the daemon does not have it."""
    tag = image.key()
    name = f"{REPOSITORY}:{tag}"
    if not client.images.list(name=name):
        with tempfile.TemporaryDirectory(prefix="qlayer-image-") as folder:
            path = Path(folder, "image.tar")
            image.write(path)
            client.api.import_image_from_file(str(path), repository=REPOSITORY, tag=tag)
    return str(client.images.get(name).id)


def _sweep(client: Any) -> None:
    """Remove containers whose host process is gone: it was killed before their own end was noticed."""
    for container in client.containers.list(all=True, filters={"label": f"{LABEL_HOST}={_boot()}"}):
        pid, started = container.labels.get(LABEL_PID, ""), container.labels.get(LABEL_STARTED, "")
        if pid.isdigit() and not jail.process_exists(int(pid), started):
            remove(container)


def remove(container: Any) -> None:
    from docker.errors import APIError

    with contextlib.suppress(APIError, OSError):  # it removes itself at its end
        container.remove(force=True)


def asked(action: Callable[..., Answer], *args: Any) -> Answer:
    """Ask the daemon. Raises `SandboxError` where it refuses or is gone."""
    from docker.errors import DockerException

    try:
        return action(*args)
    except (DockerException, OSError) as error:
        raise SandboxError(f"the docker daemon: {_short(error)}") from None


def _short(error: Exception) -> str:
    return str(error).replace("\n", " ")[:300]


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return platform.node()


def labels() -> dict[str, str]:
    """Of every container: whose it is, so that another process can tell when that one is gone."""
    pid, started = jail.owner()
    return {LABEL_PID: str(pid), LABEL_STARTED: started, LABEL_HOST: _boot()}


def _found(version: str, profile: str) -> tuple[Capability, ...]:
    by = f"docker {version}"
    seccomp = f"the platform's filter, inside {profile or 'no filter of the daemon'}"
    return (
        Capability(
            name="user_ns",
            available=False,
            detail="not used: process 1 is root without capabilities to mount",
        ),
        Capability(name="pid_ns", available=True, detail=by),
        Capability(name="net_ns", available=True, detail=f"{by}, network none"),
        Capability(name="mount_ns", available=True, detail=f"{by}, read-only root, and a chroot inside"),
        Capability(name="seccomp", available=True, detail=seccomp),
        Capability(name="second_uid", available=True, detail="uids 1001 and 1002 of the container"),
        Capability(name="memory_cgroup", available=True, detail="the container's own, limited for each run"),
        Capability(name="pids_cgroup", available=True, detail="the container's own, limited for each run"),
        Capability(name="landlock", available=False, detail="not used by this backend"),
    )
