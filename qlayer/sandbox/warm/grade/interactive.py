"""Interactive mode: the interactor's exit status decides; its stderr is what people are told."""

from __future__ import annotations

from qlayer.sandbox.base import InteractiveJob
from qlayer.sandbox.warm.grade import findings as f
from qlayer.sandbox.warm.grade.findings import Finding
from qlayer.sandbox.warm.observation import Forged, Observation
from qlayer.types.verdict import Attribution, Outcome, Phase

_WRONG = 1


def grade(job: InteractiveJob, nonces: tuple[str, str], seen: Observation) -> list[Finding]:
    """Everything that is true of the run. `nonces`: the program's, then the interactor's."""
    try:
        kinds = [line["kind"] for line in seen.lines(seen.report, nonces[0])]
        judge_kinds = [line["kind"] for line in seen.lines(seen.tester_report, nonces[1])]
    except Forged as error:
        return [f.tampering(str(error))]
    # The program may outlive the interactor's decision: it is killed then, and that is no fault.
    ended = [each for each in f.how_it_ended(seen) if each.outcome is not Outcome.INCOMPLETE]
    found = [*f.limits_hit(seen), *map(_by_the_interactor, ended)]
    if found:
        return found
    if "compiled" not in judge_kinds or ("compiled" not in kinds and "setup" in kinds):
        return [f.broken("the pair could not be set up")]
    return [_decided(seen)]


def _decided(seen: Observation) -> Finding:
    said = _last_line(seen)
    if seen.exit_status == 0:
        return Finding(Outcome.ACCEPTED, f"the interactor accepted it{said}", phase=Phase.GRADE)
    if seen.exit_status == _WRONG:
        return Finding(Outcome.WRONG_ANSWER, f"the interactor refused it{said}", phase=Phase.GRADE)
    return _failed(f"the interactor itself failed with exit status {seen.exit_status}{said}")


def _by_the_interactor(finding: Finding) -> Finding:
    if finding.outcome is Outcome.SIGNALLED:
        return _failed(f"the interactor itself failed: {finding.cause}")
    return finding


def _failed(cause: str) -> Finding:
    return Finding(Outcome.RUNTIME_ERROR, cause, phase=Phase.GRADE, attribution=Attribution.TESTS)


def _last_line(seen: Observation) -> str:
    # The interactor's stderr comes where the stdout of other modes does.
    last = seen.stdout.strip().rpartition(b"\n")[2].decode("utf-8", "replace")[:200]
    return f": {last}" if last else ""
