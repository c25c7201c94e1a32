"""What of this installation is visible inside: the interpreter, its library, and a few named packages.

The rest of the environment (qlayer itself, Ray, model runtimes) is not bound into the sandbox.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from qlayer.sandbox.zygote.protocol import PLATFORM_PACKAGES

SCIENCE_PACKAGES = ("numpy", "pandas")
"""Shown where they are installed (the extra ``science``)."""
PACKAGES = (
    *("fastapi", "httpx", "jinja2", "pydantic", "pytest", "pyyaml", "rich", "typer", "uvicorn"),
    *SCIENCE_PACKAGES,
)
"""With everything that they require: what generated projects may import."""
HASH_SEED = 0
"""Of every run: sets and dicts of strings come in the same order each time."""
SITE = PLATFORM_PACKAGES
"""Where the packages are shown."""
PYTHON = "/opt/qlayer/python"
"""Where an interpreter is shown whose own place is covered."""
_COVERED = ("/tmp", "/proc", "/dev")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_ROOT = Path(__file__).parents[2]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


BARE_IMPORTS = _names(
    "abc bisect collections.abc copy dataclasses datetime decimal enum fractions functools heapq io "
    "itertools json linecache math operator random re statistics string textwrap traceback typing"
)
SCIENCE_IMPORTS = BARE_IMPORTS + SCIENCE_PACKAGES
WEB_IMPORTS = BARE_IMPORTS + _names("asyncio anyio._backends._asyncio httpx pydantic fastapi pytest")


def start(
    function: str, *args: int, stdin: int | None = None, fds: Iterable[int] = (), helper: str = ""
) -> subprocess.Popen[bytes]:
    """A fresh interpreter that calls ``module:function`` of `qlayer.sandbox.zygote` with integers.

    With the path of the compiled `helper` its memory lies in huge pages. Its environment is empty, its hash
    seed fixed, its session not the terminal's. Raises OSError.
    """
    module, _, name = function.partition(":")
    first = f"from qlayer.sandbox.zygote import arenas; arenas.place({helper!r}); " if helper else ""
    code = (
        f"import sys; sys.path.append({str(_ROOT)!r}); {first}"
        f"from qlayer.sandbox.zygote.{module} import {name}; {name}{args!r}"
    )
    return subprocess.Popen(
        [base_executable(), "-s", "-P", "-S", "-B", "-X", "utf8", "-c", code],
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stderr=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        cwd="/",
        # One thread for linear algebra: a process with several can neither fork nor change its namespaces.
        env={
            "PYTHONHASHSEED": str(HASH_SEED),
            # Not bound anew in every fork.
            "LD_BIND_NOW": "1",
            "PATH": "/usr/bin:/bin",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        },
        pass_fds=tuple(fds),
        start_new_session=True,
    )


@cache
def has_science() -> bool:
    """Whether all of `SCIENCE_PACKAGES` are installed here."""
    return all(importlib.util.find_spec(name) is not None for name in SCIENCE_PACKAGES)


def base_executable() -> str:
    """The interpreter itself, not a virtual environment's link to it."""
    return str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())


def base_inside() -> str:
    """Where the interpreter itself is shown inside."""
    return _inside(Path(base_executable()))


def version() -> str:
    """For example ``cpython 3.11.7``."""
    return f"{sys.implementation.name} {platform.python_version()}"


@cache
def binds(*, packages: bool = True) -> tuple[tuple[str, str], ...]:
    """Pairs of a path on the host and where it is shown inside, read-only.

    Packages are gathered in one place of our own, wherever this environment lies: a path below ``/tmp`` would
    be covered by the run's own ``/tmp``.
    """
    base = Path(sys.base_prefix)
    own = [base / "bin", base / "lib"] if str(base) != "/usr" else []
    shown = {str(path): _inside(path) for path in own}
    for path in _package_paths(PACKAGES) if packages else ():
        if (target := f"{SITE}/{path.name}") not in shown.values():
            shown[str(path)] = target
    return tuple((source, target) for source, target in shown.items() if Path(source).exists())


@cache
def search_path(*, inside: bool = True) -> tuple[str, ...]:
    """``sys.path`` of the zygote: the standard library, then where the packages lie.

    `inside` is False for a zygote that keeps the host's file tree (tests only).
    """
    library = Path(sysconfig.get_path("stdlib"))
    standard = [library, Path(sysconfig.get_path("platstdlib")), library / "lib-dynload"]
    if not inside:
        sites = sorted({str(path.parent) for path in _package_paths(PACKAGES)})
        return tuple(dict.fromkeys([*map(str, standard), *sites]))
    return tuple(dict.fromkeys([*map(_inside, standard), SITE]))


def _inside(path: Path) -> str:
    """Where a path of the interpreter is shown: at its own place, unless that is covered inside."""
    base = Path(sys.base_prefix)
    covered = any(parent in _COVERED for parent in map(str, base.parents))
    return f"{PYTHON}/{path.relative_to(base)}" if covered else str(path)


def _package_paths(roots: Iterable[str]) -> list[Path]:
    """Top-level files and folders of the packages and of all that they require without an extra."""
    todo, seen, paths = list(roots), set[str](), list[Path]()
    while todo:
        name = todo.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            dist = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        tops = {file.parts[0] for file in dist.files or ()} - {"..", "__pycache__"}
        paths += [Path(str(dist.locate_file(top))) for top in sorted(tops)]
        for requirement in dist.requires or ():
            match = _NAME.match(requirement)
            if match and "extra ==" not in requirement:
                todo.append(match[0])
    return paths
