"""A runtime's templates filled in for one program. Pure: it starts nothing."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from qlayer.sandbox.base import Limits, MiB
from qlayer.sandbox.runtimes.base import Toolchain
from qlayer.sandbox.runtimes.registry import inside
from qlayer.types.source import SourceTree

_PACKAGE = re.compile(rb"^\s*package\s+([A-Za-z_][\w.]*)\s*;", re.MULTILINE)
_HOST = re.compile(r"\{host:([\w+.-]+)\}")
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def command(
    template: Iterable[str],
    toolchain: Toolchain,
    tree: SourceTree,
    path: str,
    *,
    build: str,
    limits: Limits,
    suffixes: tuple[str, ...] = (),
) -> list[str]:
    """The words to execute in the tree's folder. Raises `ToolchainMissing` for a tool that is named."""
    words = {
        "{tool}": toolchain.executable,
        "{build}": build,
        "{path}": _safe(path),
        "{stem}": str(PurePosixPath(path).with_suffix("")),
        "{folder}": str(PurePosixPath(path).parent),
        "{memory_mib}": str(limits.memory_bytes // MiB),
        "{class}": _java_class(tree, path),
    }
    return list(_words(template, words, _sources(tree, suffixes)))


def environment(toolchain: Toolchain, limits: Limits) -> dict[str, str]:
    """All that the process sees."""
    memory = str(limits.memory_bytes // MiB)
    own = {name: value.replace("{memory_mib}", memory) for name, value in toolchain.runtime.environment}
    if toolchain.runtime.libraries:
        folder = posixpath.dirname(toolchain.executable)
        own["LD_LIBRARY_PATH"] = posixpath.normpath(f"{folder}/{toolchain.runtime.libraries}")
    return {**_ENVIRONMENT, **own}


def _words(template: Iterable[str], words: Mapping[str, str], sources: list[str]) -> Iterator[str]:
    for word in template:
        if word == "{sources}":
            yield from sources
            continue
        for name, value in words.items():
            word = word.replace(name, value) if name in word else word
        yield _HOST.sub(lambda match: inside(match[1]), word)


def _sources(tree: SourceTree, suffixes: tuple[str, ...]) -> list[str]:
    return [_safe(path) for path in tree.paths() if path.endswith(suffixes)] if suffixes else []


def _safe(path: str) -> str:
    """A name that no tool takes for an option or for a file of arguments."""
    return f"./{path}" if path.startswith(("-", "@")) else path


def _java_class(tree: SourceTree, path: str) -> str:
    name = PurePosixPath(path).stem
    package = _PACKAGE.search(tree.files.get(path, b"")) if path.endswith(".java") else None
    return f"{package[1].decode()}.{name}" if package else name
