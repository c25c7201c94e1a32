"""gVisor: each worker is a sandbox with a kernel of its own in user space, run by ``runsc``.

The control socket is process 1's standard input; descriptors sent over it become the sandbox's. Memory is
counted by a cgroup of the host around the whole sandbox, processes by its own kernel (see `SampledTasks`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from qlayer.errors import SandboxError, TierUnavailable
from qlayer.sandbox import capabilities, cgroup
from qlayer.sandbox.base import Capability
from qlayer.sandbox.cgroup import Controller, Group
from qlayer.sandbox.config import GvisorConfig
from qlayer.sandbox.container import bundle, jail
from qlayer.sandbox.container.cell import Cell
from qlayer.sandbox.container.groups import EnclosingMemoryGroup, SampledTasks
from qlayer.sandbox.container.sandbox import ContainerSandbox, Walls
from qlayer.sandbox.warm.plan import Kind
from qlayer.sandbox.zygote.contained import TASKS
from qlayer.sandbox.zygote.protocol import ENDED

BACKEND = "gvisor"
_VERSION_TIMEOUT_S = 30.0
_END_TIMEOUT_S = 15.0
_JOIN_AND_RUN = 'for procs in $1; do echo $$ > "$procs" || exit 71; done; shift; exec "$@"'


class GvisorSandbox(ContainerSandbox):
    """Runs jobs inside gVisor. See `ContainerSandbox`; needs root and `runsc`."""

    def __init__(self, config: GvisorConfig) -> None:
        super().__init__(config.workers)
        self._config = config
        self._memory: Controller | None = None
        self._folder: Path | None = None
        self._numbers = itertools.count()

    async def _open(self) -> Walls:
        version, memory, found = await asyncio.to_thread(look, self._config)
        cgroup.sweep(memory)
        self._memory = memory
        _sweep_folders()
        pid, started = jail.owner()
        self._folder = Path(tempfile.mkdtemp(prefix=f"qlayer-gvisor-{pid}-{started}-"))
        bundle.make_rootfs(self._folder / "rootfs")
        return Walls(
            backend=BACKEND,
            capabilities=found,
            kernel=f"gVisor {version} ({self._config.platform}) on {platform.release()}",
            processes_counter="tasks sampled by the sandbox's process 1",
        )

    async def _shut(self) -> None:
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, True)
            self._folder = None

    def _cell(self, kind: Kind, tmp_bytes: int) -> Cell:
        assert self._folder is not None and self._memory is not None
        pid, started = jail.owner()
        name = f"qlayer-{pid}-gvisor-{started}-{id(self):x}-{next(self._numbers)}"
        return _GvisorCell(kind, self._config, self._folder, EnclosingMemoryGroup(self._memory, name))


class _GvisorCell(Cell):
    def __init__(self, kind: Kind, config: GvisorConfig, folder: Path, memory: EnclosingMemoryGroup) -> None:
        super().__init__(kind)
        self._config = config
        self._folder = folder
        self._memory = memory
        self._tasks = SampledTasks()
        self._bundle = folder / memory.path.name

    async def _launch(self) -> socket.socket:
        host, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = await asyncio.to_thread(self._run, inside.fileno())
        except OSError as error:
            host.close()
            raise SandboxError(f"runsc cannot be started: {error}") from None
        finally:
            inside.close()
        return host

    def _run(self, stdin: int) -> subprocess.Popen[bytes]:
        self._memory.create()
        self._bundle.mkdir()
        specification = bundle.spec(self._folder / "rootfs")
        (self._bundle / "config.json").write_text(json.dumps(specification))
        with (self._bundle / "log").open("wb") as log:
            return subprocess.Popen(
                self._command(),
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd=self._bundle,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                start_new_session=True,
            )

    def _command(self) -> list[str]:
        runsc = [
            self._config.runsc,
            f"--root={self._bundle}/state",
            f"--platform={self._config.platform}",
            "--network=none",
            # The host's group is made and joined here; runsc would need a writable one of its own.
            "--ignore-cgroups",
            "run",
            f"--bundle={self._bundle}",
            self._bundle.name,
        ]
        return ["/bin/sh", "-c", _JOIN_AND_RUN, "sh", str(self._memory.path / "cgroup.procs"), *runsc]

    async def _groups(self) -> tuple[Group, ...]:
        return (self._memory, self._tasks)

    async def _words(self) -> str:
        with contextlib.suppress(OSError):
            return (self._bundle / "log").read_text(errors="replace").strip()[-500:] or "it said nothing"
        return "it said nothing"

    async def next_packet(self, timeout_s: float) -> bytes:
        """As any zygote's, with the sampled tasks taken off an ending."""
        packet = await super().next_packet(timeout_s)
        if packet[:1] == ENDED:
            self._tasks.add(TASKS.unpack(packet[-TASKS.size :])[0])
            return packet[: -TASKS.size]
        return packet

    async def close(self) -> None:
        """End the sandbox: by its own will when the socket closes, else by killing all of its group."""
        if self._control is not None:
            self._loop.remove_reader(self._control.fileno())
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                await asyncio.to_thread(self._process.wait, _END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._kill_group()
        self.spec = self.spec._replace(groups=(self._memory,))
        await super().close()
        await asyncio.to_thread(shutil.rmtree, self._bundle, True)

    def _kill_group(self) -> None:
        with contextlib.suppress(OSError):
            for pid in (self._memory.path / "cgroup.procs").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


def look(config: GvisorConfig) -> tuple[str, Controller, tuple[Capability, ...]]:
    """Version, where memory is counted, what is enforced. Raises `TierUnavailable` with the reason."""
    version = _version(config.runsc)
    memory = _memory_controller()
    return version, memory, _found(version, memory)


def _version(runsc: str) -> str:
    """Raises `TierUnavailable` where it is missing, does not run, or this process may not use it."""
    if os.geteuid() != 0:
        raise TierUnavailable("sandbox backend 'gvisor' is not available: runsc needs root here")
    try:
        done = subprocess.run(
            [runsc, "--version"], capture_output=True, timeout=_VERSION_TIMEOUT_S, check=True
        )
    except FileNotFoundError:
        raise TierUnavailable(
            f"sandbox backend 'gvisor' is not available: there is no command {runsc!r}",
            hint="install gVisor (Debian: apt-get install runsc), or choose another QLAYER_SANDBOX__BACKEND",
        ) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise TierUnavailable(f"sandbox backend 'gvisor' is not available: {runsc} fails: {error}") from None
    return done.stdout.decode(errors="replace").split("\n", 1)[0].rpartition(" ")[2] or "of unknown version"


def _memory_controller() -> Controller:
    """Raises `TierUnavailable`: without a group around it, a sandbox could take all memory of the host."""
    host = capabilities.probe()
    for controller in host.controllers:
        if controller.name == "memory":
            return controller
    reason = next(each.detail for each in host.capabilities if each.name == "memory_cgroup")
    raise TierUnavailable(f"sandbox backend 'gvisor' is not available: no memory cgroup ({reason})")


def _found(version: str, memory: Controller) -> tuple[Capability, ...]:
    own = f"gVisor {version}: a kernel of its own"
    nproc = "gVisor's RLIMIT_NPROC on an own uid; its event is sampled every 2 ms, for want of a counter"
    return (
        *(Capability(name=name, available=True, detail=own) for name in ("user_ns", "pid_ns", "mount_ns")),
        Capability(name="net_ns", available=True, detail="runsc --network=none"),
        Capability(name="seccomp", available=True, detail="the platform's filter, kept by gVisor's kernel"),
        Capability(name="second_uid", available=True, detail="uids 1001 and 1002 of gVisor's kernel"),
        Capability(
            name="memory_cgroup",
            available=True,
            detail=f"version {memory.version} at {memory.parent}, around the whole sandbox",
        ),
        Capability(name="pids_cgroup", available=True, emulated=True, detail=nproc),
        Capability(name="landlock", available=False, detail="not used by this backend"),
    )


def _sweep_folders() -> None:
    """Remove what host processes left that were killed; their sandboxes ended with them."""
    for folder in Path(tempfile.gettempdir()).glob("qlayer-gvisor-*-*-*"):
        _, _, pid, started, *_ = folder.name.split("-")
        if pid.isdigit() and not jail.process_exists(int(pid), started):
            shutil.rmtree(folder, ignore_errors=True)
