"""Pytest mode: every expected test must have passed all three phases, each reported exactly once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any

from qlayer.sandbox.base import PytestJob
from qlayer.sandbox.warm.grade import findings as f
from qlayer.sandbox.warm.grade.findings import Finding
from qlayer.sandbox.warm.observation import Forged, Observation
from qlayer.types.check import CaseResult
from qlayer.types.verdict import Outcome, Phase

_PHASES = ("setup", "call", "teardown")
_COLLECTING = {
    "SyntaxError": Outcome.COMPILE_ERROR,
    "IndentationError": Outcome.COMPILE_ERROR,
    "TabError": Outcome.COMPILE_ERROR,
    "ModuleNotFoundError": Outcome.DEPENDENCY_ERROR,
}
"""What it means when a test file cannot be imported for this reason; for all others it is a RUNTIME_ERROR."""


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
    by_test = _Reported(lines)
    cases = tuple(_result(name, by_test) for name in job.expected_tests)
    if not found and (kinds.count("done") != 1 or kinds[-1] != "done" or seen.exit_status != 0):
        found.append(Finding(Outcome.INCOMPLETE, "pytest did not come to its end"))
    return [*found, _of_cases(cases, by_test.others(job.expected_tests))], cases


class _Reported:
    """Reports by the test that they are about."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self.phases: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.parts: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.uncollected: dict[str, Any] = {}
        for line in lines:
            name = str(line.get("id"))
            if line["kind"] == "test":
                self.phases[name].append(line)
            elif line["kind"] == "subtest":
                self.parts[name].append(line)
            elif line["kind"] == "collect":
                self.uncollected.setdefault(name, line.get("error"))

    def collecting(self, name: str) -> Any:
        """Why the file (or class) of this test could not be collected; None: it could."""
        holders = [holder for holder in self.uncollected if holder and name.startswith(f"{holder}::")]
        return self.uncollected[max(holders, key=len)] if holders else self.uncollected.get("")

    def others(self, expected: Collection[str]) -> str:
        """A remark on tests that ran though nobody asked for them; empty when there are none."""
        extra = sorted(set(self.phases) - set(expected))
        if not extra:
            return ""
        failed = sum(any(line.get("outcome") == "failed" for line in self.phases[name]) for name in extra)
        return f"; {len(extra)} more ran that nobody asked for ({failed} failed), such as {extra[0][:100]}"


def _repeated(lines: list[dict[str, Any]]) -> list[Finding]:
    phases = Counter((str(line.get("id")), str(line.get("when"))) for line in lines if line["kind"] == "test")
    twice = [phase for phase, count in phases.items() if count > 1]
    return [f.tampering(f"reported twice: {min(twice)}"[:200])] if twice else []


def _result(name: str, reported: _Reported) -> CaseResult:
    own, collect = reported.phases.get(name, []), reported.collecting(name)
    seconds = sum(line["seconds"] for line in own if isinstance(line.get("seconds"), int | float))
    by_phase = {str(line.get("when")): line for line in own}
    parts = reported.parts.get(name, [])
    failed = next((line for line in (*parts, *own) if line.get("passed") is not True), None)
    if failed is None and set(by_phase) == set(_PHASES):
        return CaseResult(name=name, outcome=Outcome.ACCEPTED, seconds=seconds)
    raw = failed.get("error") if failed is not None else collect
    error = f.error_info(raw) if raw is not None else None
    outcome = Outcome.INCOMPLETE
    if failed is not None and failed.get("outcome") == "failed":
        asserted = error is not None and error.type in ("AssertionError", "assert")
        outcome = Outcome.WRONG_ANSWER if asserted else Outcome.RUNTIME_ERROR
    elif not own and error is not None:
        outcome = _COLLECTING.get(error.type, Outcome.RUNTIME_ERROR)
    return CaseResult(name=name, outcome=outcome, error=error, seconds=seconds)


def _of_cases(cases: tuple[CaseResult, ...], others: str) -> Finding:
    failed = [case for case in cases if case.outcome is not Outcome.ACCEPTED]
    if not cases:
        return Finding(
            Outcome.INCOMPLETE, "no test was expected, so none can prove anything", phase=Phase.ADMIT
        )
    if not failed:
        return Finding(Outcome.ACCEPTED, f"all {len(cases)} expected tests passed{others}", phase=Phase.GRADE)
    worst = f.most_severe(Finding(case.outcome, case.name) for case in failed)
    first = next(case for case in failed if case.outcome is worst.outcome)
    what = (
        f.one_line(first.error)
        if first.error
        else "not reported as passed (skipped, missing or expected to fail)"
    )
    cause = f"{len(failed)} of {len(cases)} expected tests did not pass; {first.name}: {what}{others}"
    return Finding(worst.outcome, cause, phase=Phase.GRADE)
