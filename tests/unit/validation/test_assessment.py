"""Quality, cost and security of a program: measured on real source, and only what stands out is said."""

from __future__ import annotations

from validation_results import check

from qlayer.scan.weaknesses import bandit
from qlayer.types.assessment import Assessment, CheckCost
from qlayer.types.check import CaseResult, CheckResult
from qlayer.types.finding import Severity
from qlayer.types.source import SourceTree
from qlayer.types.usage import ResourceUsage
from qlayer.types.verdict import Outcome
from qlayer.validation.advice import Kinds, advice
from qlayer.validation.assessment import assess
from qlayer.validation.profile import costs
from qlayer.validation.quality import functions, lint

BRANCHES = "def tangled(n):\n" + "".join(f"    if n == {n}:\n        return {n}\n" for n in range(11))
RISKY = """import subprocess
def run(text, answer=None):
    unused = 1
    assert text
    subprocess.call(text, shell=True)  # nosec
    return eval(text)
"""


def tree(**files: str) -> SourceTree:
    return SourceTree().with_files({f"{name}.py": text for name, text in files.items()})


def test_complexity_counts_decisions_and_comes_first() -> None:
    found = functions(tree(a="def plain():\n    return 1\n", b=BRANCHES), ["a.py", "b.py"])
    assert [(one.name, one.complexity, one.path) for one in found] == [
        ("tangled", 12, "b.py"),
        ("plain", 1, "a.py"),
    ]


def test_lint_names_what_is_left_over() -> None:
    assert [(one.rule, one.line) for one in lint(tree(a=RISKY), ["a.py"])] == [("UnusedVariable", 3)]


def test_weaknesses_are_found_and_a_nosec_of_the_model_is_not_obeyed() -> None:
    found = {one.rule: (one.severity, one.line) for one in bandit(tree(a=RISKY), ["a.py"])}
    assert found["B602"] == (Severity.HIGH, 5)
    assert found["B307"] == (Severity.MEDIUM, 6)
    assert "B101" not in found, "an assert is no weakness"


def test_what_does_not_parse_or_is_no_python_is_passed_over() -> None:
    odd = SourceTree(files={"a.py": b"def (", "b.py": b"\xff\xfe\x00", "c.txt": b"eval(x)"})
    found = assess(odd, ["a.py", "b.py", "c.txt", "gone.py"], [], bandit)
    assert found.findings == ()
    assert found.skipped == ("gone.py is not in the project",)


def test_the_gravest_is_said_first_and_only_what_is_wanted() -> None:
    found = assess(tree(a=RISKY, b=BRANCHES), ["a.py", "b.py"], [], bandit)
    assert [one.severity for one in found.findings] == sorted(
        (one.severity for one in found.findings), key=("high", "medium", "low").index
    )
    assert "B602" in found.advice[0]
    assert "tangled: cyclomatic complexity 12, more than 10: split it" in found.advice
    assert advice(found, Kinds(security=False, quality=False)) == ()
    assert all("B602" not in sentence for sentence in advice(found, Kinds(security=False)))


def timed(seconds: float, megabytes: int = 20, outcome: Outcome = Outcome.ACCEPTED) -> CheckResult:
    result = check("examples", CaseResult(name="big", outcome=outcome, seconds=seconds))
    return result.model_copy(update={"usage": ResourceUsage(memory_peak_bytes=megabytes * 1_000_000)})


def cost(kept: CheckResult, *others: CheckResult) -> CheckCost:
    (found,) = costs("add", [kept], [[other] for other in others])
    return found


def test_a_test_that_takes_three_times_the_fastest_is_slow() -> None:
    slow = cost(timed(0.9), timed(0.2), timed(0.4))
    assert (slow.compared, slow.cases[0].fastest_s) == (2, 0.2)
    assert advice(Assessment(costs=(slow,))) == (
        "add: 4x slower than the fastest candidate that passes the same tests (big: 0.90 s against 0.20 s)",
    )
    assert advice(Assessment(costs=(slow,)), Kinds(performance=False)) == ()


def test_noise_and_those_that_fail_are_no_comparison() -> None:
    assert advice(Assessment(costs=(cost(timed(0.01), timed(0.001)),))) == ()
    wrong = cost(timed(0.9), timed(0.1, outcome=Outcome.WRONG_ANSWER))
    assert (wrong.compared, wrong.cases[0].times_slower) == (0, None)
    assert advice(Assessment(costs=(wrong,))) == ()


def test_memory_is_compared_with_the_leanest() -> None:
    assert advice(Assessment(costs=(cost(timed(0.01, 300), timed(0.01, 25)),))) == (
        "add: examples takes 300 MB, the leanest candidate 25 MB",
    )
    assert advice(Assessment(costs=(cost(timed(0.01, 45), timed(0.01, 20)),))) == ()


def test_checks_that_fail_or_prove_nothing_cost_nothing() -> None:
    failing = timed(0.9, outcome=Outcome.WRONG_ANSWER)
    boot = check("boot", CaseResult(name="x", outcome=Outcome.ACCEPTED))
    assert costs("add", [failing, boot], []) == ()
