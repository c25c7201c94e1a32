"""The verdict on one observed run: grade by mode, take the most severe finding, attach the evidence."""

from __future__ import annotations

from qlayer.sandbox.base import InteractiveJob, PytestJob, SandboxJob, SandboxResult, SplitJob, ValuesJob
from qlayer.sandbox.warm.grade import files, findings, interactive, program, project_tests, split, values
from qlayer.sandbox.warm.grade.findings import Finding
from qlayer.sandbox.warm.observation import Observation
from qlayer.sandbox.warm.plan import Plan
from qlayer.types.check import CaseResult
from qlayer.types.usage import ResourceUsage
from qlayer.types.verdict import Attribution, Evidence, Outcome, Phase, Verdict

_RETRYABLE = (Outcome.SANDBOX_ERROR, Outcome.NO_VERDICT)
_STDERR_TAIL = 8_000
_ALSO = 300
"""Characters of one finding that came second."""


def judge(job: SandboxJob, plan: Plan, seen: Observation, evidence: Evidence) -> SandboxResult:
    """The result of a run that was handed over."""
    cases: tuple[CaseResult, ...] = ()
    if isinstance(job, ValuesJob):
        found, cases = values.grade(job, plan.job.nonce, seen)
    elif isinstance(job, SplitJob):
        assert plan.tester is not None
        found, cases = split.grade(job, plan.job.nonce, plan.tester.nonce, seen)
    elif isinstance(job, PytestJob):
        found, cases = project_tests.grade(job, plan.job.nonce, seen)
        evidence = evidence.model_copy(update={"forgeable": True})
    elif isinstance(job, InteractiveJob):
        assert plan.tester is not None
        found = interactive.grade(job, (plan.job.nonce, plan.tester.nonce), seen)
        # Its stderr is in the cause; the talk between the two went nowhere else.
        seen = seen._replace(stdout=b"")
    else:
        found = program.grade(job, plan.job.nonce, seen)
    found = [*found, *files.grade(seen, found)]
    return SandboxResult(
        verdict=_verdict(findings.most_severe(found), _with_rest(evidence, found)),
        usage=_usage(seen),
        cases=cases,
        stdout=seen.stdout,
        files=seen.collected.files,
        stderr=seen.stderr + _explanation(found, cases),
    )


def not_built(found: list[Finding], seen: Observation, evidence: Evidence) -> SandboxResult:
    """The result for a program that could not be built: all that the compiler wrote is stderr."""
    return SandboxResult(
        verdict=_verdict(findings.most_severe(found), _with_rest(evidence, found)),
        usage=_usage(seen),
        stderr=seen.stderr + seen.stdout,
    )


def blame_tests(result: SandboxResult) -> SandboxResult:
    """The same, when it was the caller's interactor that could not be built."""
    if result.verdict.attribution is not Attribution.PROGRAM:
        return result
    verdict = result.verdict.model_copy(
        update={"attribution": Attribution.TESTS, "cause": f"the interactor: {result.verdict.cause}"}
    )
    return result.model_copy(update={"verdict": verdict})


def refused(
    cause: str, evidence: Evidence, *, attribution: Attribution = Attribution.CALLER
) -> SandboxResult:
    """The result for a job that cannot be judged and was not started."""
    finding = Finding(Outcome.REJECTED, cause, phase=Phase.ADMIT, attribution=attribution)
    return SandboxResult(verdict=_verdict(finding, evidence))


def cancelled(evidence: Evidence) -> SandboxResult:
    """The result for a job that its caller cancelled before it was started."""
    finding = findings.cancelled()._replace(phase=Phase.ADMIT)
    return SandboxResult(verdict=_verdict(finding, evidence))


def disturbed(cause: str, evidence: Evidence) -> SandboxResult:
    """The result when the sandbox broke before or while it ran the job."""
    return SandboxResult(verdict=_verdict(findings.broken(cause), evidence))


def _verdict(finding: Finding, evidence: Evidence) -> Verdict:
    return Verdict(
        outcome=finding.outcome,
        phase=finding.phase,
        cause=finding.cause,
        attribution=finding.attribution,
        retryable=finding.outcome in _RETRYABLE,
        evidence=evidence
        if finding.limit is None and finding.counter is None
        else evidence.model_copy(update={"limit": finding.limit, "counter": finding.counter}),
    )


def _with_rest(evidence: Evidence, found: list[Finding]) -> Evidence:
    first = findings.most_severe(found)
    rest = [each for each in found if each is not first and each.outcome is not Outcome.ACCEPTED]
    also = tuple(
        dict.fromkeys(f"{each.outcome.value}: {each.counter or each.cause}"[:_ALSO] for each in rest)
    )
    return evidence.model_copy(update={"also": also}) if also else evidence


def _usage(seen: Observation) -> ResourceUsage:
    ending = seen.ending
    return ResourceUsage(
        wall_s=seen.wall_s,
        cpu_s=seen.cpu_s,
        memory_peak_bytes=seen.counters.peak_bytes or (ending.peak_bytes if ending is not None else 0),
        output_bytes=seen.output_bytes,
    )


def _explanation(found: list[Finding], cases: tuple[CaseResult, ...]) -> bytes:
    """The traceback of a failed import, which nobody printed, for people who read stderr."""
    importing = any(finding.cause.startswith(("importing it", "it does not compile")) for finding in found)
    error = next((case.error for case in cases if case.error is not None), None)
    if not importing:
        return b""
    text = error.traceback if error is not None else found[0].cause + "\n"
    return text[-_STDERR_TAIL:].encode("utf-8", "replace")
