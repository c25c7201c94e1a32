"""One build in a sandbox of its own: starts it, answers its requests, ends it, says how it went."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

from qlayer.errors import DependencyError, IndexUnavailable, SandboxError, StoreFull
from qlayer.sandbox import capabilities, cgroup, interpreter
from qlayer.sandbox.environments.base import Lock, Progress, Step, Target
from qlayer.sandbox.environments.config import EnvironmentsConfig
from qlayer.sandbox.environments.gateway import Gateway, relay
from qlayer.sandbox.zygote.install import PACKET_BYTES, TARGET
from qlayer.sandbox.zygote.protocol import FAILED, READY, Setup
from qlayer.types.verdict import Tier

_GRACE_S = 10.0
"""For a build that is done to end by itself, which proves that nothing of it is alive."""
_REMOVE_TRIES = 100


class Process(NamedTuple):
    """A build's keeper, the host's end of its control socket, its groups."""

    keeper: subprocess.Popen[bytes]
    control: socket.socket
    groups: tuple[cgroup.Group, ...]


async def build(
    config: EnvironmentsConfig, lock: Lock, target: Target, folder: Path, progress: Progress | None
) -> None:
    """Fill ``folder/site``. See `Environments.prepare` for what is raised.

    Whatever happens, and when the task is cancelled, nothing of the build is alive at the end.
    """
    host = await asyncio.to_thread(capabilities.probe)
    capabilities.require(Tier.USERNS, host.capabilities)
    async with Gateway(config) as gateway:
        process = await _started(config, host, folder)
        finished = False
        try:
            async with asyncio.timeout(config.limits.wall_s):
                await converse(process, gateway, config, lock, target, progress)
                finished = True
        except TimeoutError:
            # The index may be slow as well as the lock long: nobody is blamed.
            raise SandboxError(
                f"preparing the packages took over {config.limits.wall_s:g} s",
                hint="try again, or raise QLAYER_ENVIRONMENTS__LIMITS__WALL_S",
            ) from None
        finally:
            await asyncio.shield(asyncio.to_thread(_end, process, finished))


async def _started(config: EnvironmentsConfig, host: capabilities.Host, folder: Path) -> Process:
    """Start it in a thread; when the task is cancelled meanwhile, end it again."""
    starting = asyncio.ensure_future(asyncio.to_thread(_start, config, host, folder))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.to_thread(_end, await starting, False)
        raise


def _start(config: EnvironmentsConfig, host: capabilities.Host, folder: Path) -> Process:
    available = {each.name for each in host.capabilities if each.available}
    privileged = "second_uid" in available
    first_uid = capabilities.FIRST_UID + 3 * ((os.getpid() * 64 + 63) % capabilities.UID_TRIPLES)
    name = f"qlayer-{os.getpid()}-build-{folder.name}"
    groups = tuple(cgroup.Group(controller, name) for controller in host.controllers)
    ours, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        for group in groups:
            group.create()
            limits = config.limits
            group.limit(limits.memory_bytes if group.controller.name == "memory" else limits.processes)
        if privileged:
            os.chown(folder, first_uid + 1, first_uid + 1)
        keeper = interpreter.start("install:main", inside.fileno(), fds=[inside.fileno()])
    except OSError as error:
        ours.close()
        for group in groups:
            group.remove()
        raise SandboxError(f"the build's sandbox cannot be started: {error}") from None
    finally:
        inside.close()
    setup = setup_for(folder, privileged, first_uid, groups)
    ours.send(setup.to_bytes())
    ours.setblocking(False)
    return Process(keeper, ours, groups)


def setup_for(folder: Path, privileged: bool, first_uid: int, groups: tuple[cgroup.Group, ...] = ()) -> Setup:
    """What the build's sandbox shows: the interpreter, and the folder to fill."""
    return Setup(
        disabled=[],
        privileged=privileged,
        binds=list(interpreter.binds(packages=False)),
        sys_path=list(interpreter.search_path()),
        imports=["encodings.idna", "html.parser", "email.parser", "zipfile"],
        cgroups=[str(group.path) for group in groups],
        first_uid=first_uid,
        writable=((str(folder.resolve()), TARGET),),
    )


async def converse(
    process: Process,
    gateway: Gateway,
    config: EnvironmentsConfig,
    lock: Lock,
    target: Target,
    progress: Progress | None,
) -> None:
    """Hand the order over and answer until the build is done; nothing that it says is believed."""
    control = process.control
    word = await _receive(control)
    if word != READY:
        reason = word[len(FAILED) :].decode(errors="replace") or "it ended without a word"
        raise SandboxError(f"the build's sandbox could not be set up: {reason}")
    _hand_over(control, config, lock, target)
    while True:
        message = _message(await _receive(control))
        if "step" in message:
            if progress is not None:
                progress(_step(message, len(lock.pins)))
        elif "page" in message or "file" in message:
            await gateway.answer(message, lambda packet: relay(control, packet))
        elif "installed" in message:
            return
        else:
            raise _failure(lock, message, process)


def _step(message: dict[str, Any], of: int) -> Step:
    try:
        return Step(package=str(message["step"]), done=int(message["done"]), of=of)
    except (KeyError, TypeError, ValueError):
        raise SandboxError("the build speaks nonsense") from None


def _hand_over(control: socket.socket, config: EnvironmentsConfig, lock: Lock, target: Target) -> None:
    order = {
        "pins": [[pin.name, pin.version, list(pin.hashes)] for pin in lock.pins],
        "tags": list(target.tags),
        "installed_bytes": config.limits.installed_bytes,
        "installed_files": config.limits.installed_files,
    }
    fd = os.memfd_create("qlayer-build", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(json.dumps(order).encode())
        os.lseek(fd, 0, os.SEEK_SET)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
        socket.send_fds(control, [b"order"], [fd])
    except OSError as error:
        raise SandboxError(f"the build is gone: {error}") from None
    finally:
        os.close(fd)


async def _receive(control: socket.socket) -> bytes:
    try:
        return await asyncio.get_running_loop().sock_recv(control, PACKET_BYTES)
    except OSError:
        return b""


def _message(packet: bytes) -> dict[str, Any]:
    """One packet of the build, which is not believed to be well-formed. An empty one: it died."""
    if not packet:
        return {"failed": "died"}
    try:
        message = json.loads(packet)
        if isinstance(message, dict):
            return message
    except ValueError:
        pass
    raise SandboxError("the build speaks nonsense")


def _failure(lock: Lock, message: dict[str, Any], process: Process) -> Exception:
    kind, why = message.get("failed"), str(message.get("message", ""))[:1000]
    where = lock.where(str(message.get("name", "")))
    if kind == "refused":
        return DependencyError(f"{where}: {why}", field=where)
    if kind == "limit":
        return DependencyError("the packages are too big", field=where, limit=why)
    if kind == "full":
        return StoreFull("no space is left for the packages", hint="qlayer env prune, or free some space")
    if kind == "index":
        return IndexUnavailable(why)
    if any(group.counters().oom_kills for group in process.groups):
        return DependencyError(
            "preparing the packages takes too much memory", field="lock", limit="memory_bytes"
        )
    return SandboxError(f"the build broke: {why or 'it died'}")


def _end(process: Process, finished: bool) -> None:
    """Return when nothing is left; the namespace dies with its first process, that with its keeper."""
    process.control.close()
    try:
        process.keeper.wait(_GRACE_S if finished else 0)
    except subprocess.TimeoutExpired:
        process.keeper.kill()
        process.keeper.wait()
        if finished:
            raise SandboxError("the build did not end") from None
    # The namespace's last process goes a moment after the keeper.
    for _ in range(_REMOVE_TRIES):
        for group in process.groups:
            group.remove()
        if not any(group.path.exists() for group in process.groups):
            return
        time.sleep(0.01)
