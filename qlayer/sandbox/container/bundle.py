"""gVisor's OCI bundle: a root of mount points and links, and the runtime specification of one sandbox."""

from __future__ import annotations

import os
from pathlib import Path

from qlayer.sandbox import interpreter
from qlayer.sandbox.container import jail
from qlayer.sandbox.zygote.contained import JAIL, MOUNTED, STDIN
from qlayer.sandbox.zygote.protocol import HOST_NAME

_CAPABILITIES = ("SYS_ADMIN", "SYS_CHROOT", "MKNOD", "SETUID", "SETGID", "KILL", "DAC_OVERRIDE", "FOWNER")
"""Rights of process 1 over its own kernel, not over the host's; a run has none of them."""
_NAMESPACES = ("pid", "network", "ipc", "uts", "mount")
_SYSTEM = ("/usr/bin", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo")


def _shown() -> list[jail.Shown]:
    system = [path for path in _SYSTEM if Path(path).is_dir()]
    system += [path for path in jail.SYSTEM_LINKS if Path(path).is_dir() and not Path(path).is_symlink()]
    return [jail.Shown(path, path) for path in system] + [jail.Shown(*pair) for pair in interpreter.binds()]


def make_rootfs(rootfs: Path) -> None:
    """The outer tree: mount points, links and a few small files. All contents are mounted over it."""
    for name in jail.MOUNT_POINTS:
        (rootfs / name).mkdir(parents=True, exist_ok=True)
    for name, text in jail.FILES.items():
        (rootfs / name).write_text(text)
    shown = _shown()
    for source, target in shown:
        place = rootfs / f"{JAIL}{target}".lstrip("/")
        if Path(source).is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    tops = [target for _, target in shown]
    for path in map(Path, jail.SYSTEM_LINKS):
        if path.is_symlink():
            (rootfs / f"{JAIL}{path}".lstrip("/")).symlink_to(path.readlink())
            tops.append(str(path))
    for name, target in jail.links(tops):
        (rootfs / name).symlink_to(target)


def spec(rootfs: Path) -> dict[str, object]:
    """The OCI runtime specification, version 1.0, of one sandbox."""
    rights = [f"CAP_{name}" for name in _CAPABILITIES]
    read_only = ["ro", "rbind", "nosuid", "nodev"]
    binds = [*_shown(), jail.Shown(str(jail.PACKAGE), f"{jail.AGENT}/qlayer")]
    return {
        "ociVersion": "1.0.0",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": jail.command(STDIN, MOUNTED),
            "env": [f"{name}={value}" for name, value in jail.environment().items()],
            "cwd": "/",
            "noNewPrivileges": True,
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), rights),
        },
        "root": {"path": str(rootfs), "readonly": True},
        "hostname": HOST_NAME,
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": f"{JAIL}/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "mode=755"],
            },
            *(
                {
                    "destination": target if target.startswith(jail.AGENT) else JAIL + target,
                    "type": "bind",
                    "source": os.path.realpath(source),
                    "options": read_only,
                }
                for source, target in binds
            ),
        ],
        "linux": {"namespaces": [{"type": kind} for kind in _NAMESPACES]},
    }
