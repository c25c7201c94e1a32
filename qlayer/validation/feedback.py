"""What a failed try may tell the next one: the one failure that is most worth showing.

A small model is helped by one short, concrete failure and confused by ten, so exactly one is picked: a crash
before a wrong answer (crashes can be repaired); of crashes the one with the shortest traceback; then the one
with the smallest input. Of requests that share a state the earliest is picked, for later ones may fail only
because it did. Of a check with hidden cases only its name, the kind of failure and the limit are told.
"""

from __future__ import annotations

from collections.abc import Sequence

from qlayer.types.candidate import Diagnosis
from qlayer.types.check import CaseResult, CheckResult, Failure
from qlayer.types.verdict import Outcome

__all__ = ["Failure", "failed_cases", "first_failure"]


def first_failure(diagnoses: Sequence[Diagnosis], checks: Sequence[CheckResult]) -> Failure | None:
    """The failure to show; None when nothing trusted failed. Untrusted checks never trigger repair."""
    fatal = next((d for d in diagnoses if d.fatal), None)
    if fatal is not None:
        where = f" (line {fatal.line})" if fatal.line is not None else ""
        return Failure(
            check="gate", outcome=Outcome.COMPILE_ERROR, message=f"{fatal.rule}: {fatal.message}{where}"
        )
    failures = [_failure(check) for check in checks if check.trusted and not check.ok]
    return next((f for f in failures if f.is_crash), failures[0] if failures else None)


def failed_cases(checks: Sequence[CheckResult]) -> set[str]:
    """``check/case`` of every trusted case that was not accepted; ``check/`` for a check without cases."""
    failed: set[str] = set()
    for check in checks:
        if not check.trusted or check.ok:
            continue
        names = {case.name for case in check.cases if case.outcome is not Outcome.ACCEPTED}
        failed |= {f"{check.check}/{name}" for name in names or {""}}
    return failed


def _failure(check: CheckResult) -> Failure:
    case = _most_telling(check.cases)
    whole = Failure(
        check=check.check,
        outcome=check.verdict.outcome,
        message=check.verdict.cause,
        limit=check.verdict.evidence.limit,
        seconds=check.usage.wall_s,
        memory_peak_bytes=check.usage.memory_peak_bytes,
    )
    if case is None:
        return whole
    return whole.model_copy(
        update={
            "case": case.name,
            # A web application that raises is also answered for with status 500: still a crash.
            "outcome": Outcome.RUNTIME_ERROR if case.error is not None else case.outcome,
            "message": _message(check, case),
            "returned": case.returned,
            "error": case.error,
            "seconds": case.seconds or whole.seconds,
        }
    )


def _message(check: CheckResult, case: CaseResult) -> str:
    if case.error is None:
        return check.verdict.cause
    if check.hidden:
        return f"{case.error.type} in a hidden case"
    return f"{case.error.type}: {case.error.message}"


def _most_telling(cases: Sequence[CaseResult]) -> CaseResult | None:
    failed = [case for case in cases if case.outcome is not Outcome.ACCEPTED]
    crashed = [case for case in failed if case.error is not None]
    # `min` keeps the earliest of equals.
    return min(crashed or failed, key=_size, default=None)


def _size(case: CaseResult) -> tuple[int, int]:
    if case.input_chars is None:
        return 0, 0
    return len(case.error.traceback) if case.error is not None else 0, case.input_chars
