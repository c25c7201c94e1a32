"""Docker: each worker is a container without network, capabilities of a program, or a writable root.

The control socket lies in a folder that is mounted into the container, and is gone before the first run.
Limits are set and read in the container's own cgroups: the daemon must run here, this process as root.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

from qlayer.errors import SandboxError, TierUnavailable
from qlayer.sandbox.cgroup import Group
from qlayer.sandbox.config import DockerConfig
from qlayer.sandbox.container import groups, jail
from qlayer.sandbox.container.cell import Cell
from qlayer.sandbox.container.daemon import Daemon, asked, connect, labels, remove
from qlayer.sandbox.container.sandbox import ContainerSandbox, Walls
from qlayer.sandbox.warm.plan import Kind
from qlayer.sandbox.warm.zygote import START_TIMEOUT_S
from qlayer.sandbox.zygote.contained import EMPTIED
from qlayer.sandbox.zygote.protocol import HOST_NAME

BACKEND = "docker"
_RIGHTS = ("SETUID", "SETGID", "KILL", "DAC_OVERRIDE", "FOWNER", "SYS_CHROOT")
"""Of process 1: to give its children other uids, to end them, to empty their /tmp, to enter the jail."""
_TMP_INODES = 16_384
_SOCKET_FOLDER = "/host"
_CEILING = 4_096
"""Processes of a container before a run's own limit is set."""


class DockerSandbox(ContainerSandbox):
    """Runs jobs in docker containers. See `ContainerSandbox`; needs the extra `docker` and a local daemon."""

    sized_tmp = True
    brings_files = True

    def __init__(self, config: DockerConfig) -> None:
        super().__init__(config.workers)
        self._config = config
        self._daemon: Daemon | None = None

    async def _open(self) -> Walls:
        self._daemon = await asyncio.to_thread(connect, self._config)
        return Walls(
            backend=BACKEND,
            capabilities=self._daemon.capabilities,
            kernel=platform.release(),
            processes_counter="pids.events max of the container",
            image_digest=self._daemon.image,
        )

    async def _shut(self) -> None:
        if self._daemon is not None:
            await asyncio.to_thread(self._daemon.client.close)
            self._daemon = None

    def _cell(self, kind: Kind, tmp_bytes: int) -> Cell:
        assert self._daemon is not None
        return _DockerCell(kind, self._daemon, tmp_bytes)


class _DockerCell(Cell):
    def __init__(self, kind: Kind, daemon: Daemon, tmp_bytes: int) -> None:
        super().__init__(kind)
        self._daemon = daemon
        self._tmp_bytes = tmp_bytes
        self._container: Any = None

    async def _launch(self) -> socket.socket:
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="qlayer-docker-")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            _listen(listener, folder)
            creating = asyncio.create_task(asyncio.to_thread(asked, self._create, folder))
            try:
                await asyncio.shield(creating)
            except asyncio.CancelledError:
                # The thread goes on: only when it has ended is it known what there is to remove.
                with contextlib.suppress(SandboxError):
                    await creating
                raise
            async with asyncio.timeout(START_TIMEOUT_S):
                control, _ = await self._loop.sock_accept(listener)
        except TimeoutError:
            raise SandboxError(f"the container did not call back: {await self._words()}") from None
        finally:
            listener.close()
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, True))
        return control

    def _create(self, folder: str) -> None:
        self._container = self._daemon.client.containers.create(
            self._daemon.image,
            jail.command(f"{_SOCKET_FOLDER}/control", EMPTIED),
            environment=jail.environment(),
            working_dir="/",
            user="0:0",
            network_mode="none",
            hostname=HOST_NAME,
            # No /dev/shm: memory that outlives a run and is not in its /tmp.
            ipc_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            cap_add=list(_RIGHTS),
            security_opt=["no-new-privileges:true"],
            pids_limit=_CEILING,
            tmpfs={
                "/jail/tmp": f"rw,exec,nosuid,nodev,size={self._tmp_bytes},nr_inodes={_TMP_INODES},mode=1777"
            },
            volumes={folder: {"bind": _SOCKET_FOLDER, "mode": "ro"}},
            labels=labels(),
            log_config={"type": "json-file", "config": {"max-size": "64k", "max-file": "1"}},
            auto_remove=True,
        )
        self._container.start()

    async def _groups(self) -> tuple[Group, ...]:
        pid = (await asyncio.to_thread(asked, self._inspect))["State"]["Pid"]
        found = await asyncio.to_thread(groups.of_process, pid)
        missing = {"memory", "pids"} - found.keys()
        if missing:
            await self.close()
            raise TierUnavailable(
                f"sandbox backend 'docker' is not available: the {' and '.join(sorted(missing))} cgroup of "
                "its containers cannot be set from this process",
                hint="run qlayer as root on the daemon's own host",
            )
        return tuple(found.values())

    def _inspect(self) -> Any:
        return self._daemon.client.api.inspect_container(self._container.id)

    async def _words(self) -> str:
        if self._container is None:
            return "it was never made"
        with contextlib.suppress(SandboxError):
            said = await asyncio.to_thread(asked, lambda: self._container.logs(tail=20))
            return bytes(said).decode(errors="replace").strip()[-500:] or "it said nothing"
        return "its log is gone"

    async def close(self) -> None:
        """End the container at once, with everything in it, and remove it."""
        container, self._container = self._container, None
        if container is not None:
            await asyncio.to_thread(remove, container)
        await super().close()


def _listen(listener: socket.socket, folder: str) -> None:
    """On ``folder/control``. Outside only its owner passes the folder; inside, the jail hides it."""
    path = Path(folder, "control")
    listener.bind(str(path))
    path.chmod(0o666)
    listener.listen(1)
    listener.setblocking(False)
