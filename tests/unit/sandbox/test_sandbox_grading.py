"""Verdicts from observations: proof of a pass, forged reports, limits by counters and their order.

The observations are made by hand; that real runs give such observations is shown by the contract suite.
"""

from __future__ import annotations

import json

import pytest

from qlayer.sandbox import wire
from qlayer.sandbox.base import Limits, ProgramJob, PytestJob, SandboxJob, SandboxResult, SplitJob, ValuesJob
from qlayer.sandbox.cgroup import Counters
from qlayer.sandbox.warm import plan as plans
from qlayer.sandbox.warm.judge import judge
from qlayer.sandbox.warm.observation import Observation, Stop
from qlayer.sandbox.zygote.protocol import Ending
from qlayer.types.check import Case, Comparison, Expectation
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Attribution, Evidence, Outcome, Phase, Tier

EVIDENCE = Evidence(backend="warm", tier=Tier.FULL)
ENDED = Ending(status=0, cpu_us=1000, peak_bytes=1, killed=False, survivors=False, disk_full=False)
KILLED = ENDED._replace(status=9, killed=True)
TREE = SourceTree().with_files({"m.py": "def f(x):\n    return x\n"})
LIMITS = Limits(cpu_s=2)
BOOM = {
    "type": "ValueError",
    "message": "boom",
    "path": "m.py",
    "line": 2,
    "bases": ["ValueError", "Exception"],
}
START = ("ready", "compiled", "imported")


def values(*cases: Case) -> ValuesJob:
    return ValuesJob(tree=TREE, module="m", cases=cases)


def expects(value: str, comparison: Comparison = Comparison.EQUALS) -> Case:
    return Case(
        name=value,
        function="f",
        args="(1,)",
        expected=Expectation(comparison=comparison, value=value),
    )


def returned(index: int, value: object) -> dict[str, object]:
    return {"kind": "case", "index": index, "value": wire.encode(value), "seconds": 0.1}


def raised(index: int, error: dict[str, object]) -> dict[str, object]:
    return {"kind": "case", "index": index, "error": error, "seconds": 0.1}


def report(nonce: str, *lines: str | dict[str, object]) -> bytes:
    whole = [{"kind": line} if isinstance(line, str) else line for line in lines]
    return b"".join(json.dumps({"nonce": nonce, **line}).encode() + b"\n" for line in whole)


def observe(
    ending: Ending | None = ENDED,
    data: bytes = b"",
    tester: bytes = b"",
    stop: Stop | None = None,
    counters: Counters | None = None,
    *,
    stdout: bytes = b"",
    memory_counted: bool = True,
) -> Observation:
    return Observation(
        limits=LIMITS,
        ending=ending,
        stop=stop,
        counters=counters or Counters(),
        wall_s=0.5,
        stdout=stdout,
        stderr=b"",
        output_bytes=len(stdout),
        report=data,
        tester_report=tester,
        memory_counted=memory_counted,
    )


def judged(job: SandboxJob, *lines: str | dict[str, object], **seen: object) -> SandboxResult:
    plan = plans.make(job)
    return judge(job, plan, observe(data=report(plan.job.nonce, *lines), **seen), EVIDENCE)  # type: ignore[arg-type]


def outcome(job: SandboxJob, *lines: str | dict[str, object], **seen: object) -> Outcome:
    return judged(job, *lines, **seen).verdict.outcome


def test_a_pass_needs_every_case_once_a_done_and_exit_status_0() -> None:
    job = values(expects("1"), expects("2"))
    both = (returned(0, 1), returned(1, 2))
    assert outcome(job, *START, *both, "done") is Outcome.ACCEPTED
    assert outcome(job, *START, *both) is Outcome.INCOMPLETE
    assert outcome(job, *START, both[0]) is Outcome.INCOMPLETE
    assert outcome(job, *START, *both, "done", ending=ENDED._replace(status=256)) is Outcome.INCOMPLETE
    assert outcome(job, *START, *both, "done", ending=ENDED._replace(survivors=True)) is Outcome.INCOMPLETE
    assert outcome(values(), *START, "done") is Outcome.ACCEPTED
    assert outcome(values(), "ready", "compiled") is Outcome.INCOMPLETE


@pytest.mark.parametrize(
    "lines",
    [
        ("imported",),
        (*START, returned(1, 2)),
        (*START, returned(0, 1), returned(0, 1)),
        (*START, returned(0, 1), "done"),
        (*START, returned(0, 1), returned(1, 2), "done", "done"),
        (*START, returned(0, 1), returned(1, 2), returned(2, 3)),
        (*START, "imported"),
        (*START, "anything"),
        (*START, {"kind": 5}),
    ],
)
def test_reports_out_of_order_are_tampering(lines: tuple[str | dict[str, object], ...]) -> None:
    assert outcome(values(expects("1"), expects("2")), *lines) is Outcome.POLICY_VIOLATION


@pytest.mark.parametrize(
    "line", [b"{}\n", b"not json\n", b"[1]\n", b"[" * 50_000 + b"\n", b'{"kind":"done"}\n']
)
def test_lines_without_the_nonce_are_tampering(line: bytes) -> None:
    job = values(expects("1"))
    plan = plans.make(job)
    data = report(plan.job.nonce, *START, returned(0, 1), "done") + line
    assert judge(job, plan, observe(data=data), EVIDENCE).verdict.outcome is Outcome.POLICY_VIOLATION


def test_each_case_is_judged_by_itself() -> None:
    cases = [
        expects("1"),
        expects("3"),
        expects("ValueError", Comparison.RAISES),
        expects("Exception", Comparison.RAISES),
        expects("KeyError", Comparison.RAISES),
        expects("1", Comparison.RAISES),
        Case(name="observed", function="f"),
        expects("1"),
        expects("1"),
    ]
    lines = [
        returned(0, 1),
        returned(1, 1),
        raised(2, BOOM),
        raised(3, BOOM),
        raised(4, BOOM),
        returned(5, 1),
        {"kind": "case", "index": 6, "opaque": "X is not a built-in type"},
        {"kind": "case", "index": 7, "opaque": "X is not a built-in type"},
        raised(8, {"type": "SystemExit", "bases": ["SystemExit"]}),
    ]
    result = judged(values(*cases), *START, *lines, "done")
    assert [case.outcome.value for case in result.cases] == [
        "ACCEPTED",
        "WRONG_ANSWER",
        "ACCEPTED",
        "ACCEPTED",
        "RUNTIME_ERROR",
        "WRONG_ANSWER",
        "ACCEPTED",
        "WRONG_ANSWER",
        "INCOMPLETE",
    ]
    assert result.cases[4].error is not None and result.cases[4].error.line == 2


def test_no_verdict_shows_an_expected_value() -> None:
    hidden = expects("987654321").model_copy(update={"name": "hidden"})
    result = judged(values(hidden), *START, returned(0, 1), "done")
    assert result.verdict.outcome is Outcome.WRONG_ANSWER
    assert "987654321" not in repr(result)


@pytest.mark.parametrize(
    ("bases", "expected", "phase"),
    [
        (["IndentationError", "SyntaxError"], Outcome.COMPILE_ERROR, Phase.COMPILE),
        (["ModuleNotFoundError", "ImportError"], Outcome.DEPENDENCY_ERROR, Phase.DEPS),
        (["ValueError"], Outcome.RUNTIME_ERROR, Phase.RUN),
        (["SystemExit"], Outcome.INCOMPLETE, Phase.RUN),
    ],
)
def test_a_failed_import_is_the_error_of_every_case(
    bases: list[str], expected: Outcome, phase: Phase
) -> None:
    failed = {
        "kind": "failed",
        "error": {"type": bases[0], "message": "why", "bases": bases, "traceback": "tb"},
    }
    result = judged(values(expects("1"), expects("2")), "ready", failed, ending=ENDED._replace(status=256))
    assert (result.verdict.outcome, result.verdict.phase) == (expected, phase)
    assert [case.error.message for case in result.cases if case.error] == ["why", "why"]


LIMIT_CASES = [
    ({"counters": Counters(oom_kills=1)}, Outcome.MEMORY_LIMIT, "oom_kill=1"),
    ({"stop": Stop.OUTPUT}, Outcome.OUTPUT_LIMIT, "drained_bytes"),
    ({"ending": KILLED._replace(disk_full=True)}, Outcome.DISK_LIMIT, "statfs"),
    ({"ending": ENDED._replace(status=25)}, Outcome.DISK_LIMIT, "SIGXFSZ"),
    ({"counters": Counters(forks_refused=4)}, Outcome.PROCESS_LIMIT, "pids.events max=4"),
    ({"ending": ENDED._replace(cpu_us=2_000_000)}, Outcome.CPU_LIMIT, "rusage"),
    ({"ending": ENDED._replace(status=24)}, Outcome.CPU_LIMIT, "SIGXCPU"),
    ({"stop": Stop.WALL, "ending": KILLED}, Outcome.WALL_LIMIT, "host clock"),
    ({"stop": Stop.REPORT, "ending": KILLED}, Outcome.POLICY_VIOLATION, None),
    ({"ending": ENDED._replace(status=11)}, Outcome.SIGNALLED, None),
]


@pytest.mark.parametrize(("seen", "expected", "counter"), LIMIT_CASES)
def test_limits_are_named_by_their_counter_and_outrank_a_pass(
    seen: dict[str, object], expected: Outcome, counter: str | None
) -> None:
    result = judged(values(expects("1")), *START, returned(0, 1), "done", **seen)
    assert result.verdict.outcome is expected
    assert counter is None or counter in (result.verdict.evidence.counter or "")


@pytest.mark.parametrize(("index", "seen"), list(enumerate(seen for seen, _, _ in LIMIT_CASES[:8])))
def test_of_two_limits_the_more_severe_decides(index: int, seen: dict[str, object]) -> None:
    both = {
        "counters": Counters(oom_kills=1, forks_refused=1),
        **{k: v for k, v in seen.items() if k != "counters"},
    }
    assert outcome(values(), *START, "done", **both) is Outcome.MEMORY_LIMIT


def test_a_limit_in_mid_case_is_that_cases_outcome() -> None:
    result = judged(
        values(expects("1"), expects("2"), expects("3")),
        *START,
        returned(0, 1),
        stop=Stop.WALL,
        ending=KILLED,
    )
    assert [case.outcome.value for case in result.cases] == ["ACCEPTED", "WALL_LIMIT", "INCOMPLETE"]


def test_a_limit_while_compiling_is_a_compile_limit() -> None:
    verdict = judged(values(expects("1")), "ready", counters=Counters(oom_kills=1), ending=KILLED).verdict
    assert (verdict.outcome, verdict.phase) == (Outcome.COMPILE_LIMIT, Phase.COMPILE)
    assert verdict.evidence.counter == "memory.oom_kill=1"


def test_without_a_memory_cgroup_a_memory_error_is_the_limit() -> None:
    error = {"type": "MemoryError", "bases": ["MemoryError"]}
    lines = (*START, raised(0, error), "done")
    assert outcome(values(expects("1")), *lines, memory_counted=False) is Outcome.MEMORY_LIMIT
    assert outcome(values(expects("1")), *lines) is Outcome.RUNTIME_ERROR


def test_the_platforms_failures_are_the_platforms() -> None:
    dead = judged(values(expects("1")), *START, returned(0, 1), "done", ending=None).verdict
    assert (dead.outcome, dead.attribution, dead.retryable) == (
        Outcome.SANDBOX_ERROR,
        Attribution.PLATFORM,
        True,
    )
    unready = judged(values(expects("1")), {"kind": "setup", "error": "no room"}).verdict
    assert unready.outcome is Outcome.SANDBOX_ERROR and "no room" in unready.cause


def test_a_zygote_that_the_candidates_memory_killed_is_the_candidates_doing() -> None:
    assert outcome(values(), *START, ending=None, counters=Counters(oom_kills=1)) is Outcome.MEMORY_LIMIT


def program(expected: bytes | None = None) -> ProgramJob:
    return ProgramJob(tree=TREE, path="m.py", expected_stdout=expected)


def test_a_program_is_judged_by_exit_status_and_stdout() -> None:
    lines = ("ready", "compiled")
    assert outcome(program(), *lines) is Outcome.ACCEPTED
    assert outcome(program(b"x"), *lines, stdout=b"x") is Outcome.ACCEPTED
    assert outcome(program(b"x"), *lines, stdout=b"x\n") is Outcome.WRONG_ANSWER
    assert outcome(program(), *lines, ending=ENDED._replace(status=3 << 8)) is Outcome.RUNTIME_ERROR
    assert outcome(program(), *lines, {"kind": "failed", "error": BOOM}) is Outcome.RUNTIME_ERROR
    assert outcome(program(), "ready") is Outcome.RUNTIME_ERROR
    assert outcome(program()) is Outcome.SANDBOX_ERROR


SPLIT = SplitJob(tree=TREE, module="m", function="f", tests="assert f(1) == 1")


def split(
    *tester: str | dict[str, object], candidate: tuple[str | dict[str, object], ...] = START
) -> SandboxResult:
    plan = plans.make(SPLIT)
    assert plan.tester is not None
    seen = observe(data=report(plan.job.nonce, *candidate), tester=report(plan.tester.nonce, *tester))
    return judge(SPLIT, plan, seen, EVIDENCE)


def test_split_is_decided_by_the_tester_alone() -> None:
    begin = ("ready", "compiled")
    assert split(*begin, "done").verdict.outcome is Outcome.ACCEPTED
    assert split(*begin, candidate=(*START, "done")).verdict.outcome is Outcome.INCOMPLETE
    assert split(*begin, "gone").verdict.outcome is Outcome.INCOMPLETE
    assert split(*begin, {"kind": "tampered", "what": "x"}).verdict.outcome is Outcome.POLICY_VIOLATION
    assert split(candidate=()).verdict.outcome is Outcome.SANDBOX_ERROR
    failed = split(*begin, "gone", candidate=("ready", "compiled", {"kind": "failed", "error": BOOM}))
    assert failed.verdict.outcome is Outcome.RUNTIME_ERROR and failed.cases[0].error is not None


def test_split_tells_answers_from_crashes_from_bad_tests() -> None:
    begin = ("ready", "compiled")
    wrong = split(*begin, {"kind": "refused", "type": "AssertionError", "error": None}).verdict
    crash = split(*begin, {"kind": "refused", "type": "ValueError", "error": BOOM}).verdict
    tests = split(*begin, {"kind": "refused", "type": "NameError", "error": None}).verdict
    syntax = split("ready", {"kind": "refused", "type": "SyntaxError", "error": None}).verdict
    assert (wrong.outcome, wrong.attribution) == (Outcome.WRONG_ANSWER, Attribution.PROGRAM)
    assert (crash.outcome, crash.attribution) == (Outcome.RUNTIME_ERROR, Attribution.PROGRAM)
    assert (tests.outcome, tests.attribution) == (Outcome.RUNTIME_ERROR, Attribution.TESTS)
    assert (syntax.outcome, syntax.attribution) == (Outcome.COMPILE_ERROR, Attribution.TESTS)


NAME = "test_m.py::test_f"


def pytest_outcome(*phases: dict[str, object], end: tuple[str, ...] = ("done",)) -> Outcome:
    job = PytestJob(tree=TREE, paths=("test_m.py",), expected_tests=(NAME,))
    result = judged(job, "ready", "compiled", *phases, *end)
    assert result.verdict.evidence.forgeable
    return result.verdict.outcome


def phase(when: str, outcome: str = "passed", **more: object) -> dict[str, object]:
    return {
        "kind": "test",
        "id": NAME,
        "when": when,
        "outcome": outcome,
        "passed": outcome == "passed",
        **more,
    }


def test_pytest_needs_all_three_phases_of_each_expected_test_once() -> None:
    passed = [phase(when) for when in ("setup", "call", "teardown")]
    error = {"type": "AssertionError", "message": "assert 1 == 2"}
    assert pytest_outcome(*passed) is Outcome.ACCEPTED
    assert pytest_outcome(*passed[:2]) is Outcome.INCOMPLETE
    assert pytest_outcome(*passed, end=()) is Outcome.INCOMPLETE
    assert pytest_outcome() is Outcome.INCOMPLETE
    assert pytest_outcome(*passed, passed[1]) is Outcome.POLICY_VIOLATION
    assert pytest_outcome(passed[0], phase("call", "failed", error=error), passed[2]) is Outcome.WRONG_ANSWER
    assert pytest_outcome(passed[0], phase("call", "failed", error=BOOM), passed[2]) is Outcome.RUNTIME_ERROR
    assert pytest_outcome(phase("setup", "skipped"), passed[2]) is Outcome.INCOMPLETE
    assert pytest_outcome(passed[0], phase("call", "xfailed"), passed[2]) is Outcome.INCOMPLETE
    assert pytest_outcome(passed[0], {**phase("call"), "passed": "yes"}, passed[2]) is Outcome.INCOMPLETE


def test_a_run_of_no_expected_test_proves_nothing() -> None:
    job = PytestJob(tree=TREE, paths=(), expected_tests=())
    assert outcome(job, "ready", "compiled", "done") is Outcome.INCOMPLETE


@pytest.mark.parametrize(
    ("job", "word"),
    [
        (values(Case(name="bad", function="f", args="f(")), "bad"),
        (values(Case(name="bad", function="f", args="5")), "tuple"),
        (values(expects("open('x')")), "literal"),
        (ValuesJob(tree=TREE, module="../m", cases=()), "module"),
        (ProgramJob(tree=TREE, path="absent.py"), "absent.py"),
        (PytestJob(tree=TREE, paths=("-p", "x"), expected_tests=()), "option"),
    ],
)
def test_a_job_that_cannot_be_judged_is_rejected_with_the_reason(job: SandboxJob, word: str) -> None:
    with pytest.raises(plans.Rejected, match=word):
        plans.make(job)


def test_a_job_in_the_child_holds_no_expected_value() -> None:
    job = values(expects("987654321"), expects("'a needle'", Comparison.INCLUDES))
    data = plans.make(job).job.to_bytes()
    assert b"987654321" not in data
    assert b"needle" not in data


def test_web_programs_get_the_web_zygote() -> None:
    web = SourceTree().with_files({"m.py": "from fastapi import FastAPI\n"})
    assert plans.make(ValuesJob(tree=web, module="m", cases=())).kind is plans.Kind.WEB
    assert plans.make(values()).kind is plans.Kind.BARE
    assert plans.make(ValuesJob(tree=TREE, module="m", cases=(), driver="asgi")).kind is plans.Kind.WEB
