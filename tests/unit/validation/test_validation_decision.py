"""What follows from all check results: the level, the permission, and sentences that say why."""

from __future__ import annotations

from validation_results import case, check

from qlayer.types.check import SMOKE, BootPlan, Case, CasesPlan, Expectation, HttpPlan, Level, PytestPlan
from qlayer.types.source import SourceTree
from qlayer.types.verdict import Outcome
from qlayer.validation.decision import decide, proves_behaviour

TREE = SourceTree().with_files({"m.py": "x = 1\n", "README.md": "not python ("})
BOOT = check("boot")
WRONG = case("two", Outcome.WRONG_ANSWER)


def test_a_file_that_does_not_parse_leaves_no_level() -> None:
    decision = decide(TREE.with_files({"bad.py": "def (:\n"}), [BOOT, check("examples", case("one"))])
    assert (decision.level, decision.allow) == (None, False)
    assert "bad.py does not parse" in decision.reasons[0]


def test_a_project_that_does_not_boot_is_at_v0() -> None:
    for checks in ([], [check("boot", outcome=Outcome.RUNTIME_ERROR)], [check("examples", case("one"))]):
        decision = decide(TREE, checks)
        assert (decision.level, decision.allow) == (Level.V0, False)


def test_booting_alone_proves_no_behaviour() -> None:
    for checks in ([BOOT], [BOOT, check(SMOKE, case("up"))]):
        decision = decide(TREE, checks)
        assert (decision.level, decision.allow) == (Level.V1, False)
        assert "the spec has no examples, so nothing proves behaviour" in decision.reasons


def test_all_trusted_cases_give_v2_and_permission() -> None:
    decision = decide(TREE, [BOOT, check("examples", case("one"), case("two"))])
    assert (decision.level, decision.allow) == (Level.V2, True)
    assert "examples: all 2 trusted cases pass" in decision.reasons


def test_one_failing_trusted_case_is_enough_to_refuse() -> None:
    decision = decide(TREE, [BOOT, check("examples", case("one"), WRONG), check("rules", case("a"))])
    assert (decision.level, decision.allow) == (Level.V1, False)
    assert "examples: 1 of 2 trusted cases pass: the cause of examples" in decision.reasons


def test_untrusted_checks_neither_prove_nor_refuse() -> None:
    failing = check("project tests", WRONG, trusted=False, forgeable=True)
    decision = decide(TREE, [BOOT, check("examples", case("one")), failing])
    assert decision.allow
    assert any("(not gating)" in reason and "forgeable" in reason for reason in decision.reasons)
    passing = check("project tests", case("one"), trusted=False)
    assert not decide(TREE, [BOOT, passing]).allow


def test_what_no_example_exercises_withholds_the_permission_by_name() -> None:
    decision = decide(TREE, [BOOT, check("examples", case("one"))], unproved=["finish_book"])
    assert (decision.level, decision.allow) == (Level.V2, False)
    assert "no trusted example exercises finish_book, so nothing proves it" in decision.reasons


def test_which_plans_prove_behaviour() -> None:
    judged = Case(name="a", function="f", expected=Expectation(value="1"))
    observed = Case(name="a", function="f")
    assert proves_behaviour(CasesPlan(module="m", cases=(observed, judged)))
    assert proves_behaviour(HttpPlan(module="m", cases=(judged,)))
    assert not proves_behaviour(CasesPlan(module="m", cases=(observed,)))
    assert not proves_behaviour(CasesPlan(module="m", cases=(judged,), trusted=False))
    assert not proves_behaviour(HttpPlan(name=SMOKE, module="m", cases=(judged,)))
    assert not proves_behaviour(BootPlan(module="m"))
    assert not proves_behaviour(PytestPlan(paths=("t.py",), expected_tests=("t.py::t",), trusted=True))
