"""What may be told of a check whose cases are hidden: how many passed, what kind of failure, what it used.

Whoever fixes a program must not learn the inputs or expected values of a hidden test, nor text that a
program may have made from them: names of cases, returned values, messages, tracebacks, what was printed. The
name of an exception passes only when it is Python's own, for a program can name its classes as it likes.
"""

from __future__ import annotations

import builtins

from qlayer.types.check import CaseResult, CheckResult, ErrorInfo
from qlayer.types.verdict import Outcome, Verdict

_OTHER = "Exception"


def redacted(result: CheckResult) -> CheckResult:
    """The result with nothing in it that could hold a part of a test. Cases keep their order."""
    cases = tuple(_case(number, case) for number, case in enumerate(result.cases, start=1))
    return result.model_copy(
        update={
            "hidden": True,
            "verdict": _verdict(result),
            "cases": cases,
            "stdout": "",
            "stderr": "",
        }
    )


def _verdict(result: CheckResult) -> Verdict:
    """Limits and counters are the platform's own words; all others may quote a test."""
    verdict = result.verdict
    cause = f"{result.passed} of {result.total} hidden cases pass"
    if verdict.outcome is not Outcome.ACCEPTED:
        limit = f" ({verdict.evidence.limit})" if verdict.evidence.limit is not None else ""
        cause = f"{cause}: {verdict.outcome.value}{limit}"
    evidence = verdict.evidence.model_copy(
        update={
            "also": tuple(_word(entry) for entry in verdict.evidence.also),
            "tries": tuple(_word(entry) for entry in verdict.evidence.tries),
        }
    )
    return verdict.model_copy(update={"cause": cause, "evidence": evidence})


def _word(entry: str) -> str:
    return entry.partition(":")[0]


def _case(number: int, case: CaseResult) -> CaseResult:
    error = ErrorInfo(type=_known(case.error.type), message="") if case.error is not None else None
    return CaseResult(name=f"hidden case {number}", outcome=case.outcome, error=error)


def _known(name: str) -> str:
    kind = getattr(builtins, name, None)
    return name if isinstance(kind, type) and issubclass(kind, BaseException) else _OTHER
