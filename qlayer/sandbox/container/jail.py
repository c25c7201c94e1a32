"""What a container shows: the outer tree, where the zygote starts, and inside it the jail that runs see.

The jail holds what the warm sandbox shows (`zygote.rootfs`, `interpreter.binds`), at the same paths. The
outer tree has links to it, so that the interpreter starts from the path it will keep.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from qlayer.sandbox import interpreter
from qlayer.sandbox.zygote import rootfs
from qlayer.sandbox.zygote.contained import JAIL

AGENT = "/agent"
"""Where the zygote's own code lies, outside the jail."""
PACKAGE = Path(__file__).parents[2]
"""The installed `qlayer` package."""
MOUNT_POINTS = ("proc", "sys", "dev", "host", "etc", "agent", "jail/dev", "jail/tmp", "jail/etc")
FILES = {f"jail{path}": text for path, text in rootfs.FILES.items()}
SYSTEM_LINKS = ("/bin", "/lib", "/lib64")
"""Links into /usr on a merged host, folders elsewhere."""


class Shown(NamedTuple):
    """A file or folder of the host and where it is seen."""

    source: str
    target: str
    """As a run sees it, without the jail's folder in front."""


def shown(path: str) -> str:
    """Where a path of the interpreter is seen inside."""
    for source, target in interpreter.binds():
        for parent in (source, str(Path(source).parent)):
            if Path(path).is_relative_to(parent) and source.startswith(sys.base_prefix):
                seen = Path(target) if parent == source else Path(target).parent
                return str(seen / Path(path).relative_to(parent))
    return path


def links(targets: list[str]) -> Iterator[tuple[str, str]]:
    """The outer tree's links into the jail: (name without slash, where it leads)."""
    for top in sorted({target.lstrip("/").split("/")[0] for target in targets}):
        if top not in ("etc", "proc", "sys", "dev"):
            yield top, f"{JAIL.lstrip('/')}/{top}"


def environment() -> dict[str, str]:
    """Of the zygote; runs get their own."""
    return {"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0", "PYTHONHOME": shown(sys.base_prefix)}


def command(address: str, scratch: str) -> list[str]:
    """How process 1 is started."""
    code = (
        f"import sys; sys.path.append({AGENT!r}); "
        f"from qlayer.sandbox.zygote.contained import main; main({address!r}, {scratch!r})"
    )
    python = shown(interpreter.base_executable())
    return [python, "-s", "-P", "-S", "-B", "-X", "utf8", "-c", code]


def own_code() -> list[Path]:
    """The files of qlayer that the zygote needs, by path below the package's parent."""
    inner = sorted((PACKAGE / "sandbox/zygote").rglob("*.py"))
    return [PACKAGE / "__init__.py", PACKAGE / "sandbox/__init__.py", PACKAGE / "sandbox/wire.py", *inner]


def process_exists(pid: int, started: str) -> bool:
    """Whether this very process, not a later one of its number, is alive."""
    return start_time(pid) == started


def start_time(pid: int) -> str:
    """In clock ticks since boot; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def owner() -> tuple[int, str]:
    """This process, as others can recognise it later."""
    return os.getpid(), start_time(os.getpid())
