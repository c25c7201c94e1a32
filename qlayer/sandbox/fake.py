"""A sandbox for unit tests of other parts: answers from a function, runs nothing by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType

from qlayer.errors import SandboxError
from qlayer.sandbox import compare, wire
from qlayer.sandbox.base import (
    Limits,
    PytestJob,
    SandboxInfo,
    SandboxJob,
    SandboxResult,
    SplitJob,
    ValuesJob,
)
from qlayer.types.check import Case, CaseResult, Comparison, ErrorInfo
from qlayer.types.verdict import Attribution, Evidence, Outcome, Phase, Tier, Verdict, most_severe

_EVIDENCE = Evidence(backend="fake", tier=Tier.NONE)


class FakeSandbox:
    """Calls `answer` for every job and remembers jobs and limits. Without one, every job is accepted."""

    def __init__(self, answer: Callable[[SandboxJob], SandboxResult] | None = None) -> None:
        self._answer = answer or accept
        self._open = False
        self.jobs: list[SandboxJob] = []
        self.limits: list[Limits | None] = []

    @property
    def info(self) -> SandboxInfo:
        """Raises `SandboxError` before it was entered, like every backend."""
        if not self._open:
            raise SandboxError("the sandbox is not open; use it as `async with`")
        return SandboxInfo(backend="fake", tier=Tier.NONE)

    async def run(self, job: SandboxJob, limits: Limits | None = None) -> SandboxResult:
        assert self.info
        self.jobs.append(job)
        self.limits.append(limits)
        return self._answer(job)

    async def __aenter__(self) -> FakeSandbox:
        self._open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._open = False


def accept(job: SandboxJob) -> SandboxResult:
    """A pass, for any job."""
    return result_of(job, Outcome.ACCEPTED, "the fake accepts everything")


def result_of(job: SandboxJob, outcome: Outcome, cause: str = "the fake was told so") -> SandboxResult:
    """A result with this outcome, for the job and for each of its cases."""
    match job:
        case ValuesJob():
            names = tuple(case.name for case in job.cases)
        case PytestJob():
            names = job.expected_tests
        case SplitJob():
            names = (job.function,)
        case _:
            names = ()
    return SandboxResult(
        verdict=Verdict(
            outcome=outcome,
            phase=Phase.RUN,
            cause=cause,
            attribution=Attribution.PROGRAM,
            evidence=_EVIDENCE,
        ),
        cases=tuple(CaseResult(name=name, outcome=outcome) for name in names),
    )


def unsafe_in_process(job: SandboxJob) -> SandboxResult:
    """Run a values job with the ``call`` driver HERE, without any isolation: for trusted test code only.

    Only the job's own module is executed; it cannot import other files of the tree.
    """
    if not isinstance(job, ValuesJob) or job.driver != "call":
        raise SandboxError("unsafe_in_process runs values jobs with plain calls only")
    module = ModuleType(job.module)
    try:
        exec(compile(_source(job), f"{job.module}.py", "exec", dont_inherit=True), module.__dict__)
    except SyntaxError as error:
        return result_of(job, Outcome.COMPILE_ERROR, f"it does not compile: {error}")
    except Exception as error:  # the tested code's own
        return result_of(job, Outcome.RUNTIME_ERROR, f"importing it failed: {error}")
    cases = tuple(_called(module, case) for case in job.cases)
    outcome = most_severe([Outcome.ACCEPTED, *(case.outcome for case in cases)])
    failed = sum(case.outcome is not Outcome.ACCEPTED for case in cases)
    result = result_of(job, outcome, f"{failed} of {len(cases)} cases failed")
    return result.model_copy(update={"cases": cases})


def _source(job: ValuesJob) -> str:
    stem = job.module.replace(".", "/")
    for path in (f"{stem}.py", f"{stem}/__init__.py", f"src/{stem}.py", f"src/{stem}/__init__.py"):
        if path in job.tree:
            return job.tree.text(path)
    raise SandboxError(f"module {job.module} is not in the tree")


def _called(module: ModuleType, case: Case) -> CaseResult:
    started = time.perf_counter()
    try:
        value = getattr(module, case.function)(*wire.literal(case.args), **wire.literal(case.kwargs))
        value = wire.decode(wire.encode(value))
    except Exception as error:  # the tested code's own
        info = ErrorInfo(type=type(error).__name__, message=str(error))
        outcome = Outcome.ACCEPTED if _expected(case, error) else Outcome.RUNTIME_ERROR
        return CaseResult(name=case.name, outcome=outcome, error=info, seconds=time.perf_counter() - started)
    met = case.expected is None or compare.meets(case.expected, value)
    return CaseResult(
        name=case.name,
        outcome=Outcome.ACCEPTED if met else Outcome.WRONG_ANSWER,
        returned=repr(value),
        seconds=time.perf_counter() - started,
    )


def _expected(case: Case, error: Exception) -> bool:
    expected = case.expected
    if expected is None or expected.comparison is not Comparison.RAISES:
        return False
    return expected.value.strip() in {base.__name__ for base in type(error).__mro__}
