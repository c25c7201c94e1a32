"""Checks as data: what is to be run, what came back, and the decision that follows.

A template emits `CheckPlan`s; `qlayer.validation` runs each in a sandbox and returns a `CheckResult`;
the pipeline folds the results into a `Decision`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from qlayer.types.frozen import Frozen
from qlayer.types.language import Language
from qlayer.types.usage import ResourceUsage
from qlayer.types.verdict import Outcome, Verdict


class Comparison(StrEnum):
    EQUALS = "equals"
    """The same value, recursively. Numbers compare as in Python (3 equals 3.0), but a bool equals only a
    bool, and a tuple is no list."""
    INCLUDES = "includes"
    """For JSON: as equals, but an object (dict) may hold more keys than expected, at any depth; tuples
    are lists."""
    RAISES = "raises"
    """The call must raise an exception of this class name."""


class Expectation(Frozen):
    """What a case must give. It stays with the host: the judged program never sees it."""

    comparison: Comparison = Comparison.EQUALS
    value: str
    """A Python literal as text, or the exception's class name for RAISES."""
    rel_tol: float = 0.0
    """Relative tolerance for floats (0: exact)."""


class Case(Frozen):
    """One call into the candidate. Arguments are Python literals as text, so that tuples stay tuples."""

    name: str
    function: str
    """The function in the plan's module; for HTTP plans the ASGI application's name."""
    args: str = "()"
    kwargs: str = "{}"
    """For HTTP plans: a dict with method, path and body (JSON value)."""
    expected: Expectation | None = None
    """None: observe only; the case passes when it returns."""


class ErrorInfo(Frozen):
    """An exception of the judged program, as it looked from inside (untrusted text, trimmed)."""

    type: str
    message: str
    path: str | None = None
    line: int | None = None
    """1-based line in `path` of the innermost frame that belongs to the candidate."""
    traceback: str = ""


class CaseResult(Frozen):
    name: str
    outcome: Outcome
    returned: str | None = None
    """The returned value as a literal, trimmed; None when it did not return."""
    error: ErrorInfo | None = None
    seconds: float = 0.0
    input_chars: int | None = None
    """Length of its arguments as text; None where cases share a state, so that order is what counts."""


BOOT = "boot"
"""Name of the check that imports a project."""
SMOKE = "smoke"
"""Name of the check that shows a skeleton alive. It proves the template's part, never what a model wrote."""


class BootPlan(Frozen):
    """Import the module and expect nothing else: V1."""

    kind: Literal["boot"] = "boot"
    name: str = BOOT
    module: str
    trusted: bool = True


class CasesPlan(Frozen):
    """Calls judged by value on the host."""

    kind: Literal["cases"] = "cases"
    name: str = "examples"
    module: str
    cases: tuple[Case, ...]
    trusted: bool = True
    hidden: bool = False
    """Whoever fixes a program may learn nothing of its cases: the result is redacted."""


class HttpPlan(Frozen):
    """Requests to an ASGI application, in order and with shared state, judged by value on the host."""

    kind: Literal["http"] = "http"
    name: str = "requests"
    module: str
    app: str = "app"
    cases: tuple[Case, ...]
    trusted: bool = True
    hidden: bool = False
    """Whoever fixes a program may learn nothing of its cases: the result is redacted."""


class PytestPlan(Frozen):
    """The project's own pytest files. Forgeable by nature: labelled so, never the only gate."""

    kind: Literal["pytest"] = "pytest"
    name: str = "project tests"
    paths: tuple[str, ...]
    expected_tests: tuple[str, ...]
    """Node ids that must each pass exactly once, for example ``tests/test_add.py::test_add``."""
    trusted: bool = False
    hidden: bool = False
    """Whoever fixes a program may learn nothing of its cases: the result is redacted."""


class ProgramPlan(Frozen):
    """A file of the project run as a program, for projects in other languages: status 0, and every expected
    test told in TAP. The tests share the program's process: forgeable, as `PytestPlan` is.
    """

    kind: Literal["program"] = "program"
    name: str = "project tests"
    path: str
    language: Language
    argv: tuple[str, ...] = ()
    expected_tests: tuple[str, ...] = ()
    """Names that must each pass exactly once; empty: the exit status alone counts."""
    trusted: bool = False
    hidden: bool = False
    """Whoever fixes a program may learn nothing of its cases: the result is redacted."""


CheckPlan = Annotated[BootPlan | CasesPlan | HttpPlan | PytestPlan | ProgramPlan, Field(discriminator="kind")]


class CheckResult(Frozen):
    """One check of one candidate."""

    check: str
    trusted: bool
    hidden: bool = False
    """Redacted: cases have neither their names nor their values, and nothing that was printed is kept."""
    verdict: Verdict
    passed: int = 0
    total: int = 0
    cases: tuple[CaseResult, ...] = ()
    usage: ResourceUsage = ResourceUsage()
    stdout: str = ""
    stderr: str = ""

    @property
    def ok(self) -> bool:
        return self.verdict.accepted


class Failure(Frozen):
    """Why a candidate is not accepted, as far as the next try may know it.

    The expected value is not repeated here: whoever may show it finds it in the plan, by `check` and `case`.
    """

    check: str
    """The failing check's name, or ``gate`` when the candidate was never run."""
    case: str | None = None
    """The failing case's name; None when the check as a whole failed."""
    outcome: Outcome
    message: str
    """One sentence for a person."""
    returned: str | None = None
    """What came back, as a literal; None when nothing did."""
    error: ErrorInfo | None = None
    limit: str | None = None
    """The limit that fired, for example ``cpu_s=10``."""
    seconds: float = 0.0
    """Wall time of the case where that is known, else of the whole run."""
    memory_peak_bytes: int = 0
    """Of the whole run."""

    @property
    def is_crash(self) -> bool:
        """Whether the program broke by itself (an exception, a failed gate) instead of answering wrongly."""
        return self.outcome in (
            Outcome.RUNTIME_ERROR,
            Outcome.COMPILE_ERROR,
            Outcome.DEPENDENCY_ERROR,
            Outcome.SIGNALLED,
        )


class Level(StrEnum):
    """How far a project is proved; each includes those before it. What V3 and V4 ask for in numbers, and how
    often a label was right, stands in `qlayer.validation.levels`."""

    V0 = "V0"
    """It parses."""
    V1 = "V1"
    """It boots."""
    V2 = "V2"
    """It passes every trusted test, and there is at least one."""
    V3 = "V3"
    """It behaves as other samples do that pass these tests, and does not crash on inputs of its domain."""
    V4 = "V4"
    """The trusted tests also notice most small changes of the program."""
    V5 = "V5"
    """A person accepted it."""


class Decision(Frozen):
    """What follows from all checks of the final tree, and from the proofs of what a model wrote in it."""

    level: Level | None
    """None: not even parsed."""
    allow: bool
    """True when everything that was trusted passed and nothing that was asked for is unproved."""
    reasons: tuple[str, ...]
    """Sentences: what is proved, what is missing."""
