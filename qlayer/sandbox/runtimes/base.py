"""What a language needs to be built and run, as data. Nothing here runs anything."""

from __future__ import annotations

from pathlib import Path

from qlayer.sandbox.base import Limits, MiB
from qlayer.types.frozen import Frozen
from qlayer.types.language import Language

COMPILE_LIMITS = Limits(
    wall_s=120.0,
    cpu_s=30.0,
    memory_bytes=1024 * MiB,
    processes=128,
    output_bytes=256 * 1024,
    disk_bytes=512 * MiB,
    open_files=1024,
)
"""Of one build step: the platform's, whatever the job's own limits are."""


class Build(Frozen):
    """How sources become artefacts in a folder, or (without artefacts) how a file's grammar is checked.

    In `argv` these are replaced: ``{tool}`` (the runtime's first tool), ``{host:NAME}`` (another),
    ``{build}`` (the folder for artefacts), ``{path}`` (the job's file), ``{stem}`` (without its suffix),
    ``{folder}`` (where it lies) and ``{sources}`` (a word for every file with one of `suffixes`).
    """

    argv: tuple[str, ...]
    suffixes: tuple[str, ...] = ()
    extra_files: tuple[tuple[str, str], ...] = ()
    """Files that the build adds where the tree has none of that name."""
    artefacts: bool = True
    """False: a check only."""
    limits: Limits = COMPILE_LIMITS


class Runtime(Frozen):
    """One language. Words of `run` as in `Build`; also ``{class}`` (Java) and ``{memory_mib}`` (the limit).

    `environment` may use ``{memory_mib}``.
    """

    language: Language
    name: str
    """Of the implementation, for the evidence: ``gcc``, ``openjdk``."""
    tools: tuple[str, ...]
    """Commands that the host must have; the first is asked for its version."""
    install: str
    """The command that installs what is missing."""
    version: tuple[str, ...] = ("--version",)
    build: Build | None = None
    run: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    libraries: str = ""
    """Where its shared libraries lie, seen from its own folder: the loader asks /proc, which is missing."""
    shown: tuple[str, ...] = ()
    """Globs of host folders that it needs besides /usr/bin and /usr/lib, read-only."""


class Toolchain(Frozen):
    """A runtime whose tools were found on this host."""

    runtime: Runtime
    version: str
    """The first line with a number that it printed about itself, for example ``go version go1.19.8``."""
    executable: str
    """The first tool's path inside the sandbox."""
    binds: tuple[tuple[str, str], ...] = ()
    """Pairs of a host path and where it is shown inside, read-only."""

    @property
    def label(self) -> str:
        """For the evidence: the language and what its tool says of itself."""
        return f"{self.runtime.language.value}: {self.version}"


class ToolchainMissing(Exception):
    """The host lacks a language's tools. The platform's doing; the message names the command that helps."""


def existing(path: str) -> bool:
    """Whether the path can be seen by this process."""
    try:
        return Path(path).exists()
    except OSError:
        return False
