"""Program mode: the exit status, which the kernel keeps, and the bytes on stdout."""

from __future__ import annotations

from typing import Any

from qlayer.sandbox.base import ProgramJob
from qlayer.sandbox.warm.grade import findings as f
from qlayer.sandbox.warm.grade.findings import Finding
from qlayer.sandbox.warm.grade.output import first_difference
from qlayer.sandbox.warm.observation import Forged, Observation
from qlayer.types.verdict import Outcome, Phase


def grade(job: ProgramJob, nonce: str, seen: Observation) -> list[Finding]:
    """Everything that is true of the run."""
    try:
        lines = list(seen.lines(seen.report, nonce))
    except Forged as error:
        return [f.tampering(str(error))]
    kinds = [line["kind"] for line in lines]
    compiled = "compiled" in kinds
    found = [*f.limits_hit(seen, compiling="ready" in kinds and not compiled), *f.how_it_ended(seen)]
    failure = next((line.get("error") for line in lines if line["kind"] == "failed"), None)
    found += filter(None, [f.unraised_limit(seen, failure)])
    if found:
        return found
    if "ready" not in kinds:
        return [f.broken(f"the run could not be set up: {lines[-1].get('error') if lines else 'no report'}")]
    return [_ending(job, seen, failure, compiled=compiled)]


def _ending(job: ProgramJob, seen: Observation, failure: Any, *, compiled: bool) -> Finding:
    if failure is not None:
        return _failure(failure, seen, compiled=compiled)
    if seen.exit_status != 0 or not compiled:
        last = _last_line(seen)
        return Finding(Outcome.RUNTIME_ERROR, f"it ended with exit status {seen.exit_status}{last}")
    if job.expected_stdout is not None:
        parted = first_difference(job.output_match, job.expected_stdout, seen.stdout)
        if parted is not None:
            where = f"line {parted.line}, column {parted.column}"
            cause = f"its stdout ({len(seen.stdout)} bytes) is not the expected one from {where} on"
            return Finding(Outcome.WRONG_ANSWER, cause, phase=Phase.GRADE)
    expected = " and the expected stdout" if job.expected_stdout is not None else ""
    return Finding(Outcome.ACCEPTED, f"it ended with exit status 0{expected}")


def _failure(raw: Any, seen: Observation, *, compiled: bool) -> Finding:
    meaning = f.import_failure(raw)
    if not compiled or meaning.outcome is not Outcome.RUNTIME_ERROR:
        return meaning
    what = f.one_line(f.error_info(raw))
    return Finding(Outcome.RUNTIME_ERROR, f"it ended with exit status {seen.exit_status}: {what}")


def _last_line(seen: Observation) -> str:
    last = seen.stderr.strip().rpartition(b"\n")[2].decode("utf-8", "replace")[:200]
    return f": {last}" if last else ""
