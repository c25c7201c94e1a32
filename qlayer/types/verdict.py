"""How one execution was judged, and what proves it.

A `Verdict` is about one execution in a sandbox; a `Decision` (in `qlayer.types.check`) is about a whole
candidate. The words are kept apart on purpose: see docs/decisions/0001-words.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from qlayer.types.frozen import Frozen


class Outcome(StrEnum):
    """What happened. Only `ACCEPTED` is a pass, and it needs positive proof of every expected check."""

    ACCEPTED = "ACCEPTED"
    WRONG_ANSWER = "WRONG_ANSWER"
    RUNTIME_ERROR = "RUNTIME_ERROR"
    SIGNALLED = "SIGNALLED"
    CPU_LIMIT = "CPU_LIMIT"
    WALL_LIMIT = "WALL_LIMIT"
    IDLE_LIMIT = "IDLE_LIMIT"
    MEMORY_LIMIT = "MEMORY_LIMIT"
    OUTPUT_LIMIT = "OUTPUT_LIMIT"
    PROCESS_LIMIT = "PROCESS_LIMIT"
    DISK_LIMIT = "DISK_LIMIT"
    COMPILE_ERROR = "COMPILE_ERROR"
    COMPILE_LIMIT = "COMPILE_LIMIT"
    DEPENDENCY_ERROR = "DEPENDENCY_ERROR"
    INCOMPLETE = "INCOMPLETE"
    """Some expected check was never reported: the program ended early, skipped it or hid it."""
    POLICY_VIOLATION = "POLICY_VIOLATION"
    """The program tampered with the judging (a forged, repeated or unasked report)."""
    FILE_ERROR = "FILE_ERROR"
    """A file that the caller asked for is missing, or is none that may be brought back."""
    CANCELLED = "CANCELLED"
    """The caller ended it; says nothing about the program."""
    REJECTED = "REJECTED"
    """The job cannot be judged as it is; nothing was run."""
    SANDBOX_ERROR = "SANDBOX_ERROR"
    """The platform broke; says nothing about the program."""
    NO_VERDICT = "NO_VERDICT"
    """The host was too disturbed to tell; says nothing about the program. Worth another try."""


PRECEDENCE: tuple[Outcome, ...] = (
    Outcome.SANDBOX_ERROR,
    Outcome.NO_VERDICT,
    Outcome.CANCELLED,
    Outcome.REJECTED,
    Outcome.POLICY_VIOLATION,
    Outcome.MEMORY_LIMIT,
    Outcome.OUTPUT_LIMIT,
    Outcome.DISK_LIMIT,
    Outcome.PROCESS_LIMIT,
    Outcome.CPU_LIMIT,
    Outcome.WALL_LIMIT,
    Outcome.IDLE_LIMIT,
    Outcome.COMPILE_LIMIT,
    Outcome.COMPILE_ERROR,
    Outcome.DEPENDENCY_ERROR,
    Outcome.FILE_ERROR,
    Outcome.SIGNALLED,
    Outcome.RUNTIME_ERROR,
    Outcome.INCOMPLETE,
    Outcome.WRONG_ANSWER,
    Outcome.ACCEPTED,
)
"""When several things are true of one run, the first in this order is its outcome."""


def most_severe(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome that precedes all others; `NO_VERDICT` when there is none (nothing proves a pass)."""
    return min(outcomes, key=PRECEDENCE.index, default=Outcome.NO_VERDICT)


class Phase(StrEnum):
    ADMIT = "admit"
    DEPS = "deps"
    COMPILE = "compile"
    RUN = "run"
    GRADE = "grade"
    COLLECT = "collect"


class Attribution(StrEnum):
    """Whose doing the outcome is."""

    PROGRAM = "program"
    TESTS = "tests"
    CALLER = "caller"
    PLATFORM = "platform"


class Tier(StrEnum):
    """How strongly a run was isolated, strongest first."""

    FULL = "full"
    """Namespaces, seccomp, memory and pids cgroup, second uid."""
    USERNS = "userns"
    """Namespaces and seccomp, without a cgroup."""
    SECCOMP = "seccomp"
    """Seccomp and rlimits only, as inside a default container."""
    NONE = "none"


class Evidence(Frozen):
    """What proves a verdict: which limit fired by which counter, under which isolation."""

    backend: str
    tier: Tier
    forgeable: bool = False
    """True when the judged program shared a process with what judged it."""
    limit: str | None = None
    """The limit that fired, for example ``memory_bytes=268435456``."""
    counter: str | None = None
    """The kernel counter that showed it, for example ``memory.oom_kill=1``."""
    runtime: str | None = None
    """For example ``cpython 3.11.7``."""
    kernel: str | None = None
    filter_digest: str | None = None
    """Digest of the seccomp programs in force."""
    host_load: float | None = None
    """One-minute load average divided by CPUs at the start of the run."""
    image_digest: str | None = None
    """Of the container image or root file system that the run saw; None: the host's own interpreter."""
    environment: str | None = None
    """Digest of the prepared packages that the run saw; None: the platform's own."""
    hash_seed: int | None = None
    """PYTHONHASHSEED of the run; None: not fixed, or no Python."""
    also: tuple[str, ...] = ()
    """What else was true of the run and came second in `PRECEDENCE`, as ``OUTCOME: counter or cause``."""
    tries: tuple[str, ...] = ()
    """Earlier tries of the same job that the platform spoilt, oldest first, as ``OUTCOME: cause``."""


class Verdict(Frozen):
    """The judgement of one execution."""

    outcome: Outcome
    phase: Phase
    cause: str
    """One sentence for a person. Never holds an expected value of a hidden test."""
    attribution: Attribution
    retryable: bool = False
    evidence: Evidence

    @property
    def accepted(self) -> bool:
        return self.outcome is Outcome.ACCEPTED
