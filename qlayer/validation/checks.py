"""Runs one `CheckPlan` on a project in a sandbox and counts what passed.

A plan says what must hold; the sandbox judges; this module only translates between the two and refuses an
acceptance that is not backed by every expected case. What the results mean is left to `decision`.
"""

from __future__ import annotations

from collections.abc import Iterable

from qlayer.sandbox.base import (
    Limits,
    MiB,
    ProgramJob,
    PytestJob,
    Sandbox,
    SandboxJob,
    SandboxResult,
    ValuesJob,
)
from qlayer.sandbox.retrying import MAX_RETRIES, RetryingSandbox
from qlayer.types.check import (
    BootPlan,
    CaseResult,
    CasesPlan,
    CheckPlan,
    CheckResult,
    ErrorInfo,
    HttpPlan,
    ProgramPlan,
    PytestPlan,
)
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Attribution, Outcome, Phase, Verdict
from qlayer.validation.hidden import redacted
from qlayer.validation.tap import told_cases
from qlayer.validation.tracebacks import tidy

MAX_OUTPUT_CHARS = 4_000
"""Of stdout and of stderr each; the end is kept, for that is where an error stands."""
MAX_VALUE_CHARS = 500
MAX_TRACEBACK_CHARS = 2_000

__all__ = ["CALL_LIMITS", "MAX_RETRIES", "PROJECT_LIMITS", "run_check"]

CALL_LIMITS = Limits(wall_s=20.0, cpu_s=10.0)
"""For functions called by value."""
PROJECT_LIMITS = Limits(wall_s=60.0, cpu_s=30.0, memory_bytes=768 * MiB)
"""For whole projects: importing a web framework or pytest takes 1 to 3 s of CPU on a slow machine."""

_UNDECIDED = (Outcome.SANDBOX_ERROR, Outcome.NO_VERDICT)
_UNTRUSTWORTHY = (*_UNDECIDED, Outcome.POLICY_VIOLATION, Outcome.CANCELLED, Outcome.REJECTED)


async def run_check(
    plan: CheckPlan, tree: SourceTree, sandbox: Sandbox, limits: Limits | None = None
) -> CheckResult:
    """Judge `tree` by `plan`. A failing program is data in the result.

    A run that the platform disturbed (SANDBOX_ERROR, NO_VERDICT) is repeated at most `MAX_RETRIES` times and
    then reported as it is. Raises `SandboxError` when the sandbox is broken for good.
    """
    job = _job(plan, tree)
    limits = limits or (CALL_LIMITS if isinstance(plan, CasesPlan) else PROJECT_LIMITS)
    result = await RetryingSandbox(sandbox).run(job, limits)
    if isinstance(plan, ProgramPlan):
        result = result.model_copy(update={"cases": told_cases(result.stdout)})
    names = _expected_names(plan)
    passed = _passed(result, names)
    sizes = _input_sizes(plan)
    checked = CheckResult(
        check=plan.name,
        trusted=plan.trusted,
        verdict=_proved(result.verdict, passed, max(1, len(names))),
        passed=passed,
        total=max(1, len(names)),
        cases=tuple(_trimmed_case(case, sizes.get(case.name)) for case in result.cases),
        usage=result.usage,
        stdout=_tail(result.stdout.decode(errors="replace"), MAX_OUTPUT_CHARS),
        stderr=_tail(result.stderr.decode(errors="replace"), MAX_OUTPUT_CHARS),
    )
    return redacted(checked) if not isinstance(plan, BootPlan) and plan.hidden else checked


def _input_sizes(plan: CheckPlan) -> dict[str, int]:
    """Only for calls that do not depend on each other."""
    if not isinstance(plan, CasesPlan):
        return {}
    return {case.name: len(case.args) + len(case.kwargs) for case in plan.cases}


def _job(plan: CheckPlan, tree: SourceTree) -> SandboxJob:
    match plan:
        case BootPlan():
            return ValuesJob(tree=tree, module=plan.module, cases=())
        case CasesPlan():
            return ValuesJob(tree=tree, module=plan.module, cases=plan.cases)
        case HttpPlan():
            return ValuesJob(tree=tree, module=plan.module, cases=plan.cases, driver="asgi")
        case PytestPlan():
            return PytestJob(tree=tree, paths=plan.paths, expected_tests=plan.expected_tests)
        case ProgramPlan():
            return ProgramJob(tree=tree, path=plan.path, language=plan.language, argv=plan.argv)


def _expected_names(plan: CheckPlan) -> tuple[str, ...]:
    """What must be reported accepted. A boot plan has no cases: its verdict alone counts."""
    match plan:
        case BootPlan():
            return ()
        case PytestPlan() | ProgramPlan():
            return plan.expected_tests
        case _:
            return tuple(case.name for case in plan.cases)


def _passed(result: SandboxResult, names: tuple[str, ...]) -> int:
    """How many expected cases were reported accepted exactly once; none when the run cannot be trusted."""
    if result.verdict.outcome in _UNTRUSTWORTHY:
        return 0
    if not names:
        return int(result.verdict.accepted)
    return len(set(names) & _once_accepted(result.cases))


def _once_accepted(cases: Iterable[CaseResult]) -> set[str]:
    seen: dict[str, int] = {}
    for case in cases:
        seen[case.name] = seen.get(case.name, 0) + 1
    return {case.name for case in cases if case.outcome is Outcome.ACCEPTED and seen[case.name] == 1}


def _proved(verdict: Verdict, passed: int, total: int) -> Verdict:
    """An acceptance stands only with every expected case behind it."""
    if not verdict.accepted or passed == total:
        return verdict
    return Verdict(
        outcome=Outcome.INCOMPLETE,
        phase=Phase.COLLECT,
        cause=f"only {passed} of {total} expected cases were reported accepted",
        attribution=Attribution.PROGRAM,
        evidence=verdict.evidence,
    )


def _trimmed_case(case: CaseResult, input_chars: int | None) -> CaseResult:
    error = case.error
    if error is not None:
        error = ErrorInfo(
            type=_head(error.type, MAX_VALUE_CHARS),
            message=_head(error.message, MAX_VALUE_CHARS),
            path=error.path,
            line=error.line,
            traceback=_tail(tidy(error.traceback), MAX_TRACEBACK_CHARS),
        )
    returned = None if case.returned is None else _head(case.returned, MAX_VALUE_CHARS)
    return case.model_copy(update={"error": error, "returned": returned, "input_chars": input_chars})


def _head(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _tail(text: str, limit: int) -> str:
    return text if len(text) <= limit else "..." + text[3 - limit :]
