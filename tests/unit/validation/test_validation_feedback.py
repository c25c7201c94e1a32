"""Picking the one failure that the next try is told about."""

from __future__ import annotations

from validation_results import case, check

from qlayer.types.candidate import Diagnosis
from qlayer.types.check import CaseResult, ErrorInfo
from qlayer.types.usage import ResourceUsage
from qlayer.types.verdict import Outcome
from qlayer.validation.feedback import failed_cases, first_failure

WRONG = Outcome.WRONG_ANSWER


def test_nothing_failed() -> None:
    note = Diagnosis(rule="risky-call", message="calls open", fatal=False)
    assert first_failure([note], [check("boot"), check("examples", case("one"))]) is None
    assert failed_cases([check("examples", case("one"))]) == set()


def test_a_fatal_diagnosis_comes_first_and_is_a_crash() -> None:
    fatal = Diagnosis(rule="F821", message="undefined name 'x'", line=3)
    failure = first_failure([fatal], [check("examples", case("one", WRONG))])
    assert failure is not None and failure.is_crash
    assert (failure.check, failure.message) == ("gate", "F821: undefined name 'x' (line 3)")


def test_the_earliest_wrong_case_is_shown_with_what_came_back() -> None:
    failure = first_failure([], [check("examples", case("one"), case("two", WRONG), case("three", WRONG))])
    assert failure is not None and not failure.is_crash
    assert (failure.check, failure.case, failure.returned) == ("examples", "two", "7")


def test_a_crash_is_shown_before_an_earlier_wrong_answer() -> None:
    crashed = case("three", Outcome.RUNTIME_ERROR, error="no len()")
    failure = first_failure([], [check("examples", case("one", WRONG), crashed)])
    assert failure is not None and failure.is_crash
    assert (failure.case, failure.message) == ("three", "TypeError: no len()")


def test_a_service_that_raises_and_answers_500_has_crashed() -> None:
    failure = first_failure([], [check("requests", case("1. GET /", WRONG, error="no len()"))])
    assert failure is not None and failure.is_crash


def test_a_crash_in_a_later_check_is_found() -> None:
    checks = [check("a", case("one", WRONG)), check("b", case("two", Outcome.RUNTIME_ERROR, error="bad"))]
    failure = first_failure([], checks)
    assert failure is not None and failure.check == "b"


def test_a_limit_is_no_crash_to_repair() -> None:
    failure = first_failure([], [check("examples", outcome=Outcome.WALL_LIMIT)])
    assert failure is not None and not failure.is_crash
    assert (failure.case, failure.message) == (None, "the cause of examples")


def test_untrusted_failures_are_not_told() -> None:
    untrusted = check("project tests", case("one", WRONG), trusted=False)
    assert first_failure([], [untrusted]) is None
    assert failed_cases([untrusted]) == set()


def test_failed_cases_are_named_with_their_check() -> None:
    checks = [
        check("a", case("one"), case("two", WRONG)),
        check("b", outcome=Outcome.MEMORY_LIMIT),
    ]
    assert failed_cases(checks) == {"a/two", "b/"}


def sized(
    name: str, input_chars: int | None, outcome: Outcome = WRONG, *, traceback: str | None = None
) -> CaseResult:
    error = None if traceback is None else ErrorInfo(type="TypeError", message="no", traceback=traceback)
    return CaseResult(name=name, outcome=outcome, error=error, input_chars=input_chars, seconds=0.25)


def test_of_wrong_answers_the_one_with_the_smallest_input_is_shown() -> None:
    cases = (sized("big", 90), sized("right", 1, Outcome.ACCEPTED), sized("small", 5), sized("equal", 5))
    failure = first_failure([], [check("examples", *cases)])
    assert failure is not None and failure.case == "small"


def test_of_crashes_the_one_with_the_shortest_traceback_is_shown() -> None:
    long, short = sized("deep", 3, traceback="x" * 900), sized("plain", 70, traceback="x" * 30)
    failure = first_failure([], [check("examples", sized("wrong", 1), long, short)])
    assert failure is not None and failure.case == "plain"


def test_of_requests_that_share_a_state_the_earliest_is_shown() -> None:
    cases = (sized("1. POST", None, traceback="x" * 99), sized("2. GET", None, traceback="x"))
    failure = first_failure([], [check("requests", *cases)])
    assert failure is not None and failure.case == "1. POST"


def test_a_failure_tells_what_was_used_and_which_limit_fired() -> None:
    failed = check("examples", sized("one", 1), outcome=Outcome.MEMORY_LIMIT)
    evidence = failed.verdict.evidence.model_copy(update={"limit": "memory_bytes=1000"})
    verdict = failed.verdict.model_copy(update={"evidence": evidence})
    usage = ResourceUsage(wall_s=2.0, memory_peak_bytes=999)
    failure = first_failure([], [failed.model_copy(update={"verdict": verdict, "usage": usage})])
    assert failure is not None
    assert (failure.limit, failure.seconds, failure.memory_peak_bytes) == ("memory_bytes=1000", 0.25, 999)
