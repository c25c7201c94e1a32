"""Finds the toolchains of this host and asks them for their versions, once each.

Tools are started here only to print their version; they are the host's own, not a program's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from qlayer.sandbox import interpreter
from qlayer.sandbox.runtimes.base import Runtime, Toolchain, ToolchainMissing
from qlayer.sandbox.runtimes.managed import MANAGED
from qlayer.sandbox.runtimes.native import NATIVE
from qlayer.sandbox.runtimes.scripts import SCRIPTS
from qlayer.types.language import Language

RUNTIMES: dict[Language, Runtime] = {each.language: each for each in (*SCRIPTS, *MANAGED, *NATIVE)}
_PROBE_TIMEOUT_S = 60.0
_INSIDE = "/opt/qlayer/tools"
_VISIBLE = ("/usr/bin/", "/usr/lib/", "/usr/share/nodejs/", "/bin/", "/lib/")
"""What every zygote, or this one by `Runtime.shown`, shows at its own place."""
_ALWAYS = ("/etc/alternatives",)


def runtime_of(language: Language) -> Runtime:
    """Every language has one."""
    return RUNTIMES[language]


@cache
def find(language: Language) -> Toolchain:
    """The language's tools on this host. Raises `ToolchainMissing`, which is not remembered."""
    runtime = RUNTIMES[language]
    binds: dict[str, str] = {}
    places = []
    for tool in runtime.tools:
        place, needed = _place(tool, runtime)
        places.append(place)
        binds.update(needed)
    version = _version(runtime)
    binds |= {path: path for pattern in (*_ALWAYS, *runtime.shown) for path in _glob(pattern)}
    return Toolchain(
        runtime=runtime,
        version=version,
        executable=places[0] if places else "",
        binds=tuple(binds.items()),
    )


def probe() -> dict[Language, Toolchain | str]:
    """Every language: its toolchain, or the sentence that says what is missing. Tools are asked at once."""
    with ThreadPoolExecutor(len(RUNTIMES)) as pool:
        return dict(zip(RUNTIMES, pool.map(_found_or_why, RUNTIMES), strict=True))


def tool_binds() -> tuple[tuple[str, str], ...]:
    """What a zygote for tools shows of this host, all languages together."""
    found = [each for each in probe().values() if isinstance(each, Toolchain)]
    return tuple(dict.fromkeys(pair for each in found for pair in each.binds))


def inside(tool: str) -> str:
    """Where a tool that a template names lies inside. Raises `ToolchainMissing`."""
    for runtime in RUNTIMES.values():
        if tool in runtime.tools:
            return _place(tool, runtime)[0]
    raise ToolchainMissing(f"{tool} belongs to no language")


def _found_or_why(language: Language) -> Toolchain | str:
    try:
        return find(language)
    except ToolchainMissing as missing:
        return str(missing)


def _place(tool: str, runtime: Runtime) -> tuple[str, dict[str, str]]:
    """The tool's path inside, and what must be shown for that."""
    if tool == "python":
        return interpreter.base_inside(), {}
    path = _which(tool)
    if path is None:
        raise ToolchainMissing(f"{runtime.language.value}: {tool} is not installed; {runtime.install}")
    real = os.path.realpath(path)
    if tool == "rustc":
        return _rust(path, runtime)
    if real.startswith(_VISIBLE):
        return real, {}
    home = Path(real).parent.parent
    # A toolchain unpacked somewhere of its own; a single file next to others is shown alone.
    if (home / "lib").is_dir() and str(home) not in ("/usr", "/usr/local"):
        return f"{_INSIDE}/{tool}/{Path(real).relative_to(home)}", {str(home): f"{_INSIDE}/{tool}"}
    return f"{_INSIDE}/bin/{tool}", {real: f"{_INSIDE}/bin/{tool}"}


def _rust(path: str, runtime: Runtime) -> tuple[str, dict[str, str]]:
    """The compiler that rustup's proxy would start: its home may be closed to other users."""
    root = _asked([path, "--print", "sysroot"], runtime).strip()
    if root == "/usr":
        return "/usr/bin/rustc", {}  # its libraries are where the loader looks anyway
    binds = {f"{root}/{part}": f"{_INSIDE}/rust/{part}" for part in ("bin", "lib")}
    return f"{_INSIDE}/rust/bin/rustc", binds


def _version(runtime: Runtime) -> str:
    if not runtime.tools:
        return runtime.name
    if runtime.tools == ("python",):
        return interpreter.version()
    text = _asked([_which(runtime.tools[0]) or "", *runtime.version], runtime)
    lines = [line.strip() for line in text.splitlines()]
    return next((line for line in lines if any(letter.isdigit() for letter in line)), "version unknown")[:200]


def _asked(command: list[str], runtime: Runtime) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PROBE_TIMEOUT_S,
            check=True,
            cwd="/",
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainMissing(
            f"{runtime.language.value}: {command[0]} does not work ({error}); {runtime.install}"
        ) from None
    return done.stdout.decode("utf-8", "replace")


def _glob(pattern: str) -> list[str]:
    return sorted(str(path) for path in Path("/").glob(pattern.lstrip("/")))


def _which(tool: str) -> str | None:
    # rustup installs below the home, which a service's PATH often lacks.
    return shutil.which(tool) or shutil.which(tool, path=str(Path("~/.cargo/bin").expanduser()))
