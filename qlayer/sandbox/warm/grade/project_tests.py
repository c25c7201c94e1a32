"""Pytest mode: every expected test must have passed all three phases, each reported exactly once."""

from __future__ import annotations

from typing import Any

from qlayer.sandbox.base import PytestJob
from qlayer.sandbox.warm.grade import findings as f
from qlayer.sandbox.warm.grade.findings import Finding
from qlayer.sandbox.warm.observation import Forged, Observation
from qlayer.types.check import CaseResult
from qlayer.types.verdict import Outcome, Phase

_PHASES = ("setup", "call", "teardown")


def grade(job: PytestJob, nonce: str, seen: Observation) -> tuple[list[Finding], tuple[CaseResult, ...]]:
    """Everything that is true of the run, and one result per expected test."""
    found = [*f.limits_hit(seen), *f.how_it_ended(seen)]
    lines: list[dict[str, Any]] = []
    try:
        for line in seen.lines(seen.report, nonce):
            lines.append(line)
    except Forged as error:
        found.append(f.tampering(str(error)))
    kinds = [line["kind"] for line in lines]
    if "ready" not in kinds and not found:
        found.append(
            f.broken(f"the run could not be set up: {lines[-1].get('error') if lines else 'no report'}")
        )
    found += _repeated(lines)
    collect = next((line.get("error") for line in lines if line["kind"] == "collect"), None)
    cases = tuple(_result(name, lines, collect) for name in job.expected_tests)
    if not found and (kinds.count("done") != 1 or kinds[-1] != "done" or seen.exit_status != 0):
        found.append(Finding(Outcome.INCOMPLETE, "pytest did not come to its end"))
    return [*found, _of_cases(cases)], cases


def _repeated(lines: list[dict[str, Any]]) -> list[Finding]:
    phases = [(line.get("id"), line.get("when")) for line in lines if line["kind"] == "test"]
    twice = (
        {str(phase) for phase in phases if phases.count(phase) > 1}
        if len(phases) < 10_000
        else {"(too many)"}
    )
    return [f.tampering(f"reported twice: {min(twice)[:200]}")] if twice else []


def _result(name: str, lines: list[dict[str, Any]], collect: Any) -> CaseResult:
    own = [line for line in lines if line["kind"] == "test" and line.get("id") == name]
    seconds = sum(line["seconds"] for line in own if isinstance(line.get("seconds"), int | float))
    by_phase = {str(line.get("when")): line for line in own}
    failed = next((line for line in own if line.get("passed") is not True), None)
    if failed is None and set(by_phase) == set(_PHASES):
        return CaseResult(name=name, outcome=Outcome.ACCEPTED, seconds=seconds)
    raw = failed.get("error") if failed is not None else collect
    error = f.error_info(raw) if raw is not None else None
    outcome = Outcome.INCOMPLETE
    if failed is not None and failed.get("outcome") == "failed":
        asserted = error is not None and error.type in ("AssertionError", "assert")
        outcome = Outcome.WRONG_ANSWER if asserted else Outcome.RUNTIME_ERROR
    elif not own and error is not None:
        syntax = "SyntaxError" in error.traceback
        outcome = Outcome.COMPILE_ERROR if syntax else Outcome.RUNTIME_ERROR
    return CaseResult(name=name, outcome=outcome, error=error, seconds=seconds)


def _of_cases(cases: tuple[CaseResult, ...]) -> Finding:
    failed = [case for case in cases if case.outcome is not Outcome.ACCEPTED]
    if not cases:
        return Finding(
            Outcome.INCOMPLETE, "no test was expected, so none can prove anything", phase=Phase.ADMIT
        )
    if not failed:
        return Finding(Outcome.ACCEPTED, f"all {len(cases)} expected tests passed", phase=Phase.GRADE)
    worst = f.most_severe(Finding(case.outcome, case.name) for case in failed)
    first = next(case for case in failed if case.outcome is worst.outcome)
    what = (
        f.one_line(first.error)
        if first.error
        else "not reported as passed (skipped, missing or expected to fail)"
    )
    cause = f"{len(failed)} of {len(cases)} expected tests did not pass; {first.name}: {what}"
    return Finding(worst.outcome, cause, phase=Phase.GRADE)
