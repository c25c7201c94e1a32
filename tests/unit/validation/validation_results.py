"""Check results made by hand, for tests of what follows from them."""

from __future__ import annotations

from qlayer.types.check import CaseResult, CheckResult, ErrorInfo
from qlayer.types.verdict import Attribution, Evidence, Outcome, Phase, Tier, Verdict


def case(name: str, outcome: Outcome = Outcome.ACCEPTED, error: str | None = None) -> CaseResult:
    info = None if error is None else ErrorInfo(type="TypeError", message=error)
    return CaseResult(name=name, outcome=outcome, returned="7", error=info)


def check(
    name: str,
    *cases: CaseResult,
    outcome: Outcome | None = None,
    trusted: bool = True,
    forgeable: bool = False,
) -> CheckResult:
    """A result with the outcome of its first failed case, unless one is given."""
    failed = [item.outcome for item in cases if item.outcome is not Outcome.ACCEPTED]
    decided = outcome or (failed[0] if failed else Outcome.ACCEPTED)
    return CheckResult(
        check=name,
        trusted=trusted,
        verdict=Verdict(
            outcome=decided,
            phase=Phase.RUN,
            cause=f"the cause of {name}",
            attribution=Attribution.PROGRAM,
            evidence=Evidence(backend="made by hand", tier=Tier.NONE, forgeable=forgeable),
        ),
        passed=len(cases) - len(failed),
        total=max(1, len(cases)),
        cases=cases,
    )
