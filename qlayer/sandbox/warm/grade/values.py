"""Values mode: every returned value is compared here, with expectations that never left the host.

What the program can do: claim a return for a call that it did not make (it shares the process with the
driver). It gains nothing that it could not have by returning that value; it does not know the expected one.
"""

from __future__ import annotations

import signal
from typing import Any

from qlayer.sandbox import compare, wire
from qlayer.sandbox.base import ValuesJob
from qlayer.sandbox.warm.grade import findings as f
from qlayer.sandbox.warm.grade.findings import Finding
from qlayer.sandbox.warm.observation import Forged, Observation
from qlayer.types.check import Case, CaseResult, Comparison, ErrorInfo
from qlayer.types.verdict import Outcome, Phase

_LITERAL = 2_000


class _Reports:
    """The driver's reports, in the only order in which it sends them."""

    def __init__(self, seen: Observation, nonce: str, cases: int) -> None:
        self.ready = self.compiled = self.imported = self.done = False
        self.failed: Any = None
        self.setup: str | None = None
        self.cases: list[dict[str, Any]] = []
        self.forged: str | None = None
        try:
            for line in seen.lines(seen.report, nonce):
                self._take(line, cases)
        except Forged as error:
            self.forged = str(error)

    def _take(self, line: dict[str, Any], cases: int) -> None:
        kind = line["kind"]
        if self.done or self.failed is not None:
            raise Forged("a report after the last one")
        if kind == "setup":
            self.setup = str(line.get("error"))[:500]
        elif kind == "ready" and not self.ready:
            self.ready = True
        elif kind == "compiled" and self.ready and not self.compiled:
            self.compiled = True
        elif kind == "imported" and self.compiled and not self.imported:
            self.imported = True
        elif kind == "failed" and self.ready and not self.imported:
            self.failed = line.get("error") or {}
        elif kind == "case" and self.imported and line.get("index") == len(self.cases) < cases:
            self.cases.append(line)
        elif kind == "done" and self.imported and len(self.cases) == cases:
            self.done = True
        else:
            raise Forged(f"a {kind[:40]!r} report out of order")


def grade(job: ValuesJob, nonce: str, seen: Observation) -> tuple[list[Finding], tuple[CaseResult, ...]]:
    """Everything that is true of the run, and one result per case in the job's order."""
    reports = _Reports(seen, nonce, len(job.cases))
    found = [*f.limits_hit(seen, compiling=reports.ready and not reports.compiled), *f.how_it_ended(seen)]
    if reports.forged is not None:
        found.append(f.tampering(reports.forged))
    if not reports.ready and not found:
        found.append(f.broken(f"the run could not be set up: {reports.setup or 'no report'}"))
    if reports.failed is not None:
        found.append(f.import_failure(reports.failed))
    raised = [reports.failed, *(line.get("error") for line in reports.cases)]
    found += filter(None, (f.unraised_limit(seen, error) for error in raised))
    cases = tuple(_results(job, reports, found))
    if not found and not (reports.done and seen.exit_status == 0):
        found.append(Finding(Outcome.INCOMPLETE, _early_end(job, reports, seen)))
    found += _of_cases(cases)
    return found, cases


def _results(job: ValuesJob, reports: _Reports, found: list[Finding]) -> list[CaseResult]:
    results = [_result(case, line) for case, line in zip(job.cases, reports.cases, strict=False)]
    missing = Outcome.INCOMPLETE
    error = None
    if reports.failed is not None:
        missing, error = f.most_severe(found).outcome, f.error_info(reports.failed)
    for case in job.cases[len(results) :]:
        first_missing = len(results) == len(reports.cases)
        in_progress = first_missing and reports.imported and found
        outcome = f.most_severe(found).outcome if in_progress else missing
        results.append(CaseResult(name=case.name, outcome=outcome, error=error))
    return results


def _result(case: Case, line: dict[str, Any]) -> CaseResult:
    raised = f.error_info(line["error"]) if line.get("error") is not None else None
    outcome, returned, error = Outcome.RUNTIME_ERROR, None, raised
    if "value" in line:
        outcome, returned, error = _judge_value(case, line["value"], raised)
    elif "opaque" in line:
        error = ErrorInfo(type="TypeError", message=f"returned value: {line['opaque']}"[:500])
        outcome = Outcome.ACCEPTED if case.expected is None else Outcome.WRONG_ANSWER
    elif "late" in line:
        outcome, error = (
            Outcome.WALL_LIMIT,
            ErrorInfo(type="TimeoutError", message="it did not return in time"),
        )
    elif "status" in line:
        outcome, error = _judge_end(line["status"])
    elif raised is not None:
        outcome = _judge_error(case, f.classes(line["error"]))
    seconds = line.get("seconds")
    return CaseResult(
        name=case.name,
        outcome=outcome,
        returned=returned,
        error=error,
        seconds=min(max(float(seconds), 0.0), 3_600.0) if isinstance(seconds, int | float) else 0.0,
    )


def _judge_end(status: object) -> tuple[Outcome, ErrorInfo]:
    """Of a case's own process that ended without an answer."""
    number = status & 0x7F if type(status) is int and status >= 0 else 0
    if number == 0:
        return Outcome.INCOMPLETE, ErrorInfo(
            type="SystemExit", message="its process ended before the call did"
        )
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    return Outcome.SIGNALLED, ErrorInfo(type="Signal", message=f"its process was ended by {name}")


def _judge_value(
    case: Case, encoded: object, raised: ErrorInfo | None
) -> tuple[Outcome, str | None, ErrorInfo | None]:
    try:
        value = wire.decode(encoded if isinstance(encoded, str) else "")
        met = case.expected is None or compare.meets(case.expected, value)
    except wire.Malformed as error:
        return Outcome.WRONG_ANSWER, None, ErrorInfo(type="ValueError", message=str(error)[:500])
    literal = _as_literal(value)
    if met:
        return Outcome.ACCEPTED, literal, raised
    # An application that answered 500 and then raised: the exception is the better explanation.
    return (Outcome.RUNTIME_ERROR if raised else Outcome.WRONG_ANSWER), literal, raised


def _as_literal(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python writes
        text = f"<{type(value).__name__} too long to write>"
    if text.isascii():
        return text[:_LITERAL]
    return text.encode("utf-8", "backslashreplace").decode()[:_LITERAL]


def _judge_error(case: Case, names: tuple[str, ...]) -> Outcome:
    expected = case.expected
    if expected is not None and expected.comparison is Comparison.RAISES and expected.value.strip() in names:
        return Outcome.ACCEPTED
    return Outcome.INCOMPLETE if "SystemExit" in names else Outcome.RUNTIME_ERROR


def _early_end(job: ValuesJob, reports: _Reports, seen: Observation) -> str:
    if not reports.imported:
        return f"it ended with exit status {seen.exit_status} while it was being imported"
    if len(reports.cases) < len(job.cases):
        name = job.cases[len(reports.cases)].name
        return f"it ended with exit status {seen.exit_status} during case {name!r}"
    return f"it ended with exit status {seen.exit_status} instead of 0 after the last case"


def _of_cases(cases: tuple[CaseResult, ...]) -> list[Finding]:
    failed = [case for case in cases if case.outcome is not Outcome.ACCEPTED]
    if not failed:
        return [Finding(Outcome.ACCEPTED, f"all {len(cases)} cases passed" if cases else "it was imported")]
    worst = f.most_severe(Finding(case.outcome, case.name) for case in failed)
    first = next(case for case in failed if case.outcome is worst.outcome)
    what = f.one_line(first.error) if first.error else "another value than expected was returned"
    if worst.outcome not in (Outcome.WRONG_ANSWER, Outcome.RUNTIME_ERROR):
        what = f.one_line(first.error) if first.error else "it was not reported"
    cause = f"{len(failed)} of {len(cases)} cases failed; {first.name!r}: {what}"
    return [Finding(worst.outcome, cause, phase=Phase.GRADE)]
