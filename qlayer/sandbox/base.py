"""The one interface to a sandbox: a job goes in, a result with a verdict comes out.

A job says *what* is run and how it is judged (its mode); `Limits` say how much it may use. Whatever the
program does is data in the result; only a broken sandbox raises.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Protocol

from pydantic import Field

from qlayer.types.check import Case, CaseResult
from qlayer.types.frozen import Frozen
from qlayer.types.language import Language
from qlayer.types.source import SourceTree
from qlayer.types.usage import ResourceUsage
from qlayer.types.verdict import Tier, Verdict

MiB = 1024 * 1024


class Limits(Frozen):
    """How much one run may use. Every field is enforced or the tier says that it is not."""

    wall_s: float = Field(default=10.0, gt=0, le=3_600)
    cpu_s: float = Field(default=5.0, gt=0, le=3_600)
    """Of the whole process tree together."""
    idle_s: float | None = Field(default=None, gt=0, le=3_600)
    """Longest time in which neither output nor CPU time grows; None: only `wall_s` ends a sleeper."""
    memory_bytes: int = Field(default=512 * MiB, ge=16 * MiB)
    """Resident memory of the whole process tree, tmpfs included."""
    processes: int = Field(default=64, ge=1, le=4_096)
    """Processes and threads alive at once."""
    output_bytes: int = Field(default=1 * MiB, ge=0)
    """stdout and stderr together. What came before the limit is kept."""
    disk_bytes: int = Field(default=64 * MiB, ge=0)
    open_files: int = Field(default=256, ge=16)


class ValuesJob(Frozen):
    """Call functions of a module; the host compares the returned values.

    The candidate's process gets the calls, never the expectations. With ``driver="asgi"`` each case is an
    HTTP request to the ASGI application ``module.function`` with kwargs method, path and body; it returns
    ``{"status": int, "body": JSON or text}``. All cases run in order in one process and share its state.
    """

    mode: Literal["values"] = "values"
    tree: SourceTree
    module: str
    """Dotted name, importable from the tree's root (or from ``src/``)."""
    cases: tuple[Case, ...]
    """Empty: only import the module."""
    driver: Literal["call", "asgi"] = "call"
    fresh_process: bool = False
    """Make each call in its own fork of the process that imported the module: no state passes between cases,
    and one that crashes or does not return (in half of the time that is left) costs only its own result."""
    environment: str | None = None
    """Digest of a prepared set of packages (`qlayer.sandbox.environments`); None: the platform's own."""


class SplitJob(Frozen):
    """Judge with test *code* that runs in another process of another uid.

    The test code sees `function` as a stub that calls the candidate over a pipe with a fresh nonce per call;
    only exact built-in types cross. Running to its end without an exception is the pass.
    """

    mode: Literal["split"] = "split"
    tree: SourceTree
    module: str
    function: str
    tests: str
    """Python source, for example HumanEval's ``check`` and its call."""
    environment: str | None = None
    """Digest of a prepared set of packages (`qlayer.sandbox.environments`); None: the platform's own."""


class PytestJob(Frozen):
    """Run the project's pytest files in the candidate's own process. Labelled forgeable in the evidence.

    Configuration is the platform's own: nothing the tree plants (conftest, ini files, plugins) may change
    collection or reporting. Each expected test must be reported exactly once; skipped is not passed.
    """

    mode: Literal["pytest"] = "pytest"
    tree: SourceTree
    paths: tuple[str, ...]
    expected_tests: tuple[str, ...]
    environment: str | None = None
    """Digest of a prepared set of packages (`qlayer.sandbox.environments`); None: the platform's own."""


class OutputMatch(StrEnum):
    """How stdout is compared with what is expected."""

    EXACT = "exact"
    """Byte for byte."""
    LINES = "lines"
    """Line by line, without white space at the ends of lines and empty lines at the end."""
    TOKENS = "tokens"
    """The sequence of words between white space."""
    NUMBERS = "numbers"
    """As tokens, and two that both read as numbers may differ by 1e-6, relative or absolute."""


class ProgramJob(Frozen):
    """Run a file as a program and judge its exit and its output."""

    mode: Literal["program"] = "program"
    tree: SourceTree
    path: str
    """The file to run (Python: as ``__main__``), or whose ``main`` is built together with the other files."""
    language: Language = Language.PYTHON
    argv: tuple[str, ...] = ()
    stdin: bytes = b""
    expected_stdout: bytes | None = None
    """None: any output; ACCEPTED then means that it ended by itself with status 0."""
    output_match: OutputMatch = OutputMatch.EXACT
    outputs: tuple[str, ...] = ()
    """Paths or globs, relative to the working directory, of the files to bring back at the end."""
    environment: str | None = None
    """Digest of a prepared set of packages (`qlayer.sandbox.environments`); None: the platform's own."""


class InteractiveJob(Frozen):
    """Run a program against an interactor of the caller, the stdout of each the stdin of the other.

    The interactor is trusted and of another uid. Its exit status decides: 0 is ACCEPTED, 1 WRONG_ANSWER,
    anything else is the tests' own failure. Its stderr is the cause shown to people.
    """

    mode: Literal["interactive"] = "interactive"
    tree: SourceTree
    path: str
    language: Language = Language.PYTHON
    interactor: SourceTree
    interactor_path: str
    interactor_language: Language = Language.PYTHON


SandboxJob = Annotated[
    ValuesJob | SplitJob | PytestJob | ProgramJob | InteractiveJob, Field(discriminator="mode")
]


class OutputFile(Frozen):
    """A regular file that a run left; links, devices and pipes are never followed."""

    path: str
    """Relative to the working directory."""
    data: bytes


class SandboxResult(Frozen):
    """What happened. Partial output, cases and usage come with every verdict."""

    verdict: Verdict
    usage: ResourceUsage = ResourceUsage()
    cases: tuple[CaseResult, ...] = ()
    """Values mode: one per case in the job's order. Pytest mode: one per expected test."""
    stdout: bytes = b""
    stderr: bytes = b""
    files: tuple[OutputFile, ...] = ()
    """What `ProgramJob.outputs` named and the run left, by path."""


class Capability(Frozen):
    """One thing the host can or cannot do for isolation, found out by doing it."""

    name: str
    """user_ns, pid_ns, net_ns, mount_ns, seccomp, second_uid, memory_cgroup, pids_cgroup, cpuacct_cgroup,
    landlock."""
    available: bool
    detail: str
    """How it works here, or why it does not."""
    emulated: bool = False
    """In force by weaker means than the kernel's own, which the detail names."""


class SandboxInfo(Frozen):
    """What a sandbox is and what it enforces on this host."""

    backend: str
    tier: Tier
    capabilities: tuple[Capability, ...] = ()
    runtimes: tuple[str, ...] = ()
    """For example ``cpython 3.11.7``."""


class Sandbox(Protocol):
    """Runs jobs. Safe to call from many tasks at once; use as ``async with``.

    Raises `TierUnavailable` on entering when the tier asked for is missing, `SandboxError` when it broke for
    good. A single run that the platform disturbed is a result with outcome SANDBOX_ERROR, retryable.
    """

    @property
    def info(self) -> SandboxInfo: ...

    async def run(self, job: SandboxJob, limits: Limits | None = None) -> SandboxResult:
        """Run one job to its end. Cancelling the task kills the program's whole process tree."""
        ...

    async def __aenter__(self) -> Sandbox: ...

    async def __aexit__(self, *exc: object) -> None: ...
