"""Builds the zygote's optional compiled helper with the machine's C compiler, once per version of its source.

A sandbox without it does the same in Python and says so. Nothing is installed: the library lies in the user's
cache folder under the digest of its source.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

_SOURCE = Path(__file__).parent / "zygote" / "serve.c"
_COMPILERS = ("cc", "gcc", "clang")
_FLAGS = ("-O2", "-shared", "-fPIC", "-Wall", "-Werror=implicit-function-declaration")
_TIMEOUT_S = 60
_WRITABLE_BY_OTHERS = 0o022


class Helper(NamedTuple):
    path: str
    """Of the shared library; empty when there is none."""
    detail: str
    """How it was made, or why it is missing."""


@cache
def find() -> Helper:
    """The helper, compiled now when it is not in the cache folder yet. Never raises."""
    if sys.platform != "linux":
        return Helper("", f"needs Linux, this is {sys.platform}")
    try:
        compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
        return build(user_cache_path("qlayer") / "zygote", compiler)
    except OSError as error:
        return Helper("", f"not built: {error}")


def build(folder: Path, compiler: str | None) -> Helper:
    """The library in this folder. Raises OSError when the folder cannot be used."""
    name = hashlib.sha256(_SOURCE.read_bytes() + " ".join(_FLAGS).encode()).hexdigest()[:32]
    target = folder / f"serve-{os.uname().machine}-{name}.so"
    if target.is_file():
        return _trusted(target, "from the cache folder")
    if compiler is None:
        return Helper("", f"no C compiler ({', '.join(_COMPILERS)})")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(dir=folder, suffix=".new")
    os.close(handle)
    try:
        command = [compiler, *_FLAGS, "-o", made, str(_SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        if done.returncode:
            return Helper("", f"{Path(compiler).name}: {done.stderr.strip()[-300:]}")
        Path(made).chmod(0o755)
        Path(made).replace(target)
    except subprocess.TimeoutExpired:
        return Helper("", f"{Path(compiler).name} took over {_TIMEOUT_S} s")
    finally:
        Path(made).unlink(missing_ok=True)
    return _trusted(target, f"built with {Path(compiler).name}")


def _trusted(path: Path, how: str) -> Helper:
    """It will run as this user, with the sandbox's rights: nobody else may have written it."""
    for place in (path, path.parent):
        found = place.stat()
        if found.st_uid != os.geteuid() or found.st_mode & _WRITABLE_BY_OTHERS:
            return Helper("", f"{place} can be written by others")
    return Helper(str(path), how)
