"""Split mode: the tester's report decides; the candidate's own channel only explains a failed import."""

from __future__ import annotations

from typing import Any

from qlayer.sandbox.base import SplitJob
from qlayer.sandbox.warm.grade import findings as f
from qlayer.sandbox.warm.grade.findings import Finding
from qlayer.sandbox.warm.observation import Forged, Observation
from qlayer.types.check import CaseResult, ErrorInfo
from qlayer.types.verdict import Attribution, Outcome, Phase


def grade(
    job: SplitJob, nonce: str, tester_nonce: str, seen: Observation
) -> tuple[list[Finding], tuple[CaseResult, ...]]:
    """Everything that is true of the run, and one result for the function."""
    candidate = _candidate_lines(seen, nonce)
    kinds = {line["kind"] for line in candidate}
    found = [
        *f.limits_hit(seen, compiling="ready" in kinds and "compiled" not in kinds),
        *f.how_it_ended(seen),
    ]
    error: ErrorInfo | None = None
    failure = next((line.get("error") or {} for line in candidate if line["kind"] == "failed"), None)
    if failure is not None:
        found.append(f.import_failure(failure))
        error = f.error_info(failure)
    try:
        tester = list(seen.lines(seen.tester_report, tester_nonce))
    except Forged as forged:
        return [*found, f.tampering(str(forged))], _case(job, Outcome.POLICY_VIOLATION, None)
    found += _verdicts(tester, seen, explained=bool(found))
    error = error or _raised(tester)
    return found, _case(job, f.most_severe(found).outcome, error)


def _candidate_lines(seen: Observation, nonce: str) -> list[dict[str, Any]]:
    """What the candidate's side reported before anything that is not a report: it proves nothing."""
    lines: list[dict[str, Any]] = []
    try:
        for line in seen.lines(seen.report, nonce):
            lines.append(line)
    except Forged:
        pass
    return lines


def _verdicts(tester: list[dict[str, Any]], seen: Observation, *, explained: bool) -> list[Finding]:
    last = tester[-1] if tester else {"kind": "none"}
    kind = last["kind"]
    if kind == "done" and seen.exit_status == 0 and sum(line["kind"] == "done" for line in tester) == 1:
        return [Finding(Outcome.ACCEPTED, "the test code ran to its end", phase=Phase.GRADE)]
    if kind == "tampered":
        return [f.tampering(str(last.get("what"))[:200])]
    if kind == "refused":
        return [_refusal(last, compiled=any(line["kind"] == "compiled" for line in tester))]
    if explained:
        return []
    if kind == "gone":
        return [Finding(Outcome.INCOMPLETE, "its process ended before it had answered every call")]
    if kind in ("none", "setup"):
        return [f.broken(f"the tester could not be set up: {last.get('error', 'no report')}")]
    return [Finding(Outcome.INCOMPLETE, "the test code ended its process before its end")]


def _refusal(line: dict[str, Any], *, compiled: bool) -> Finding:
    kind = str(line.get("type"))[:100]
    if not compiled:
        return Finding(
            Outcome.COMPILE_ERROR,
            f"the test code does not compile: {kind}",
            phase=Phase.COMPILE,
            attribution=Attribution.TESTS,
        )
    if line.get("error") is not None:
        return Finding(Outcome.RUNTIME_ERROR, f"it raised {f.one_line(f.error_info(line['error']))}")
    if kind == "AssertionError":
        return Finding(Outcome.WRONG_ANSWER, "an assertion of the test code failed", phase=Phase.GRADE)
    return Finding(
        Outcome.RUNTIME_ERROR,
        f"the test code raised {kind}",
        phase=Phase.GRADE,
        attribution=Attribution.TESTS,
    )


def _raised(tester: list[dict[str, Any]]) -> ErrorInfo | None:
    error = next((line.get("error") for line in tester if line["kind"] == "refused"), None)
    return f.error_info(error) if error is not None else None


def _case(job: SplitJob, outcome: Outcome, error: ErrorInfo | None) -> tuple[CaseResult, ...]:
    return (CaseResult(name=job.function, outcome=outcome, error=error),)
