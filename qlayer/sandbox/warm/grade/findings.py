"""What is true of any run, whatever its mode: limits that fired, how it ended, tampering.

Limits are decided by the kernel's counters, by bytes drained and by the host's clock; never by what the
program says or by its exit status, except where a tier has no counter, which the evidence then shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from qlayer.sandbox.warm.disturbance import Conditions, why_spoilt
from qlayer.sandbox.warm.observation import Observation, Stop
from qlayer.types.check import ErrorInfo
from qlayer.types.verdict import PRECEDENCE, Attribution, Outcome, Phase

_TEXT = 8_000
_PAGE = 4096
_NO_DISK = "statfs(/tmp): no free block or inode"


class Finding(NamedTuple):
    """One thing that is true of a run. The most severe one becomes the verdict."""

    outcome: Outcome
    cause: str
    phase: Phase = Phase.RUN
    attribution: Attribution = Attribution.PROGRAM
    limit: str | None = None
    counter: str | None = None


def most_severe(findings: Iterable[Finding]) -> Finding:
    """The first in order of `PRECEDENCE`; of equals, the one found first."""
    return min(findings, key=lambda finding: PRECEDENCE.index(finding.outcome))


def limits_hit(seen: Observation, *, compiling: bool = False) -> list[Finding]:
    """Every limit that fired. While the program was still being compiled they are one COMPILE_LIMIT."""
    found = [*_space(seen), *_cpu(seen)]
    if not found:
        found = [*_disturbed(seen)] or [*_wall(seen)]
    if seen.stop is Stop.CANCEL:
        found.append(cancelled())
    if not compiling:
        return found
    return [
        finding._replace(
            outcome=Outcome.COMPILE_LIMIT, phase=Phase.COMPILE, cause=f"while compiling: {finding.cause}"
        )
        if finding.attribution is Attribution.PROGRAM and finding.limit is not None
        else finding
        for finding in found
    ]


def _own_limit(seen: Observation) -> bool:
    """Whether the group itself was full when the kernel killed. Some kernels count no hit in version 1."""
    full_bytes = seen.limits.memory_bytes // _PAGE * _PAGE
    return seen.counters.limit_hits != 0 or seen.counters.peak_bytes >= full_bytes


def _space(seen: Observation) -> Iterable[Finding]:
    limits, counters = seen.limits, seen.counters
    if seen.stop is Stop.REPORT:
        yield tampering("it flooded the private channel")
    if counters.oom_kills and _own_limit(seen):
        yield Finding(
            Outcome.MEMORY_LIMIT,
            f"it needed more than {limits.memory_bytes} bytes of memory",
            limit=f"memory_bytes={limits.memory_bytes}",
            counter=f"memory.oom_kill={counters.oom_kills}",
        )
    if seen.stop is Stop.OUTPUT:
        yield Finding(
            Outcome.OUTPUT_LIMIT,
            f"it wrote more than {limits.output_bytes} bytes to stdout and stderr",
            limit=f"output_bytes={limits.output_bytes}",
            counter=f"drained_bytes={seen.output_bytes}",
        )
    if (seen.ending is not None and seen.ending.disk_full) or seen.signal_name == "SIGXFSZ":
        yield Finding(
            Outcome.DISK_LIMIT,
            f"it filled its file system of {limits.disk_bytes} bytes",
            limit=f"disk_bytes={limits.disk_bytes}",
            counter=_NO_DISK if seen.signal_name != "SIGXFSZ" else "RLIMIT_FSIZE: SIGXFSZ",
        )
    if counters.forks_refused:
        yield Finding(
            Outcome.PROCESS_LIMIT,
            f"it wanted more than {limits.processes} processes or threads at once",
            limit=f"processes={limits.processes}",
            counter=f"pids.events max={counters.forks_refused}",
        )


def _cpu(seen: Observation) -> Iterable[Finding]:
    limit_s, used_s = seen.limits.cpu_s, seen.cpu_s
    if seen.stop is not Stop.CPU and used_s < limit_s and seen.signal_name != "SIGXCPU":
        return
    reaped_s = seen.ending.cpu_us / 1e6 if seen.ending is not None else 0.0
    shared = seen.stop is Stop.CPU or used_s > reaped_s
    counter = f"cgroup cpu={seen.counters.cpu_us / 1e6:.3f}s" if shared else f"rusage={reaped_s:.3f}s"
    yield Finding(
        Outcome.CPU_LIMIT,
        f"it used up its {limit_s:g} s of CPU",
        limit=f"cpu_s={limit_s:g}",
        counter=counter + (" SIGXCPU" if seen.signal_name == "SIGXCPU" else ""),
    )


def _wall(seen: Observation) -> Iterable[Finding]:
    limits = seen.limits
    if seen.stop is Stop.IDLE:
        yield Finding(
            Outcome.IDLE_LIMIT,
            f"for {limits.idle_s:g} s it neither wrote anything nor used the CPU",
            limit=f"idle_s={limits.idle_s:g}",
            counter=f"drained_bytes={seen.output_bytes} cpu={seen.cpu_s:.3f}s, both unchanged",
        )
    if seen.stop is Stop.WALL:
        yield Finding(
            Outcome.WALL_LIMIT,
            f"it had not ended after {limits.wall_s:g} s",
            limit=f"wall_s={limits.wall_s:g}",
            counter=f"host clock={seen.wall_s:.3f}s",
        )


def _disturbed(seen: Observation) -> Iterable[Finding]:
    """The host's doing, where a limit would otherwise be the program's."""
    if seen.counters.oom_kills and not _own_limit(seen):
        yield no_verdict(
            "the host ran out of memory and killed it below its own limit",
            limit=f"memory_bytes={seen.limits.memory_bytes}",
            counter=f"memory.oom_kill={seen.counters.oom_kills}, own limit hit 0 times, "
            f"peak={seen.counters.peak_bytes}",
        )
    if seen.stop not in (Stop.WALL, Stop.IDLE):
        return
    why = why_spoilt(seen.conditions, seen.wall_s)
    if why is not None and seen.conditions is not None:
        yield no_verdict(why, limit=f"{seen.stop.value}_s", counter=_pressures(seen.conditions))


def _pressures(conditions: Conditions) -> str:
    pressure = f" pressure={conditions.cpu_pressure:.2f}" if conditions.cpu_pressure is not None else ""
    stopped = " zygote=stopped" if conditions.zygote_stopped else ""
    return (
        f"schedstat wait={conditions.waited_s:.3f}s cpu={conditions.cpu_s:.3f}s "
        f"late={conditions.late_s:.3f}s{pressure}{stopped}"
    )


def no_verdict(cause: str, *, limit: str | None = None, counter: str | None = None) -> Finding:
    """The host was disturbed: another try may tell."""
    return Finding(Outcome.NO_VERDICT, cause, attribution=Attribution.PLATFORM, limit=limit, counter=counter)


def how_it_ended(seen: Observation) -> list[Finding]:
    """A death by signal, processes left alive, or a zygote that died."""
    if seen.ending is None:
        if seen.counters.oom_kills or (seen.conditions is not None and seen.conditions.zygote_stopped):
            return []
        return [broken("the sandbox process died during the run")]
    found = []
    if seen.signal_name is not None:
        found.append(Finding(Outcome.SIGNALLED, f"it was ended by {seen.signal_name}"))
    if seen.ending.survivors:
        found.append(Finding(Outcome.INCOMPLETE, "it left processes running after its end; they were killed"))
    return found


def cancelled() -> Finding:
    """The caller's wish."""
    return Finding(Outcome.CANCELLED, "the caller cancelled it", attribution=Attribution.CALLER)


def broken(cause: str) -> Finding:
    return Finding(Outcome.SANDBOX_ERROR, cause, attribution=Attribution.PLATFORM)


def tampering(what: str) -> Finding:
    return Finding(Outcome.POLICY_VIOLATION, f"it tampered with the judging: {what}", phase=Phase.GRADE)


def error_info(raw: Any) -> ErrorInfo:
    """An `ErrorInfo` from whatever the child claims; never raises."""
    fields = raw if isinstance(raw, dict) else {}
    path, line = fields.get("path"), fields.get("line")
    return ErrorInfo(
        type=_text(fields.get("type"))[:200] or "Exception",
        message=_text(fields.get("message")),
        path=_text(path)[:512] if isinstance(path, str) else None,
        line=line if type(line) is int and 0 < line < 10**9 else None,
        traceback=_text(fields.get("traceback")),
    )


def classes(raw: Any) -> tuple[str, ...]:
    """Names of an exception's class and its bases, the exception's own first."""
    bases = raw.get("bases") if isinstance(raw, dict) else None
    return tuple(name for name in bases if isinstance(name, str)) if isinstance(bases, list) else ()


def one_line(error: ErrorInfo) -> str:
    """``path:line: Type: message`` in at most 300 characters."""
    place = f"{error.path}:{error.line}: " if error.path and error.line else ""
    first = error.message.strip().split("\n", 1)[0]
    return f"{place}{error.type}: {first}"[:300]


def import_failure(raw: Any) -> Finding:
    """What an exception while compiling or importing the program means."""
    error = error_info(raw)
    names = classes(raw)
    if "SyntaxError" in names:
        return Finding(Outcome.COMPILE_ERROR, f"it does not compile: {one_line(error)}", phase=Phase.COMPILE)
    if "SystemExit" in names:
        return Finding(Outcome.INCOMPLETE, "it exited while it was being imported")
    if "ModuleNotFoundError" in names:
        return Finding(Outcome.DEPENDENCY_ERROR, f"importing it failed: {one_line(error)}", phase=Phase.DEPS)
    return Finding(Outcome.RUNTIME_ERROR, f"importing it failed: {one_line(error)}")


def unraised_limit(seen: Observation, raw: Any) -> Finding | None:
    """Memory ran out where only RLIMIT_DATA, which has no counter, bounds it: the exception has to do."""
    if seen.memory_counted or "MemoryError" not in classes(raw):
        return None
    limit = f"memory_bytes={seen.limits.memory_bytes}"
    return Finding(
        Outcome.MEMORY_LIMIT, "it ran out of memory", limit=limit, counter="RLIMIT_DATA, by a MemoryError"
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    # Lone surrogates would not survive JSON in UTF-8 later on.
    return value[:_TEXT].encode("utf-8", "replace").decode()
