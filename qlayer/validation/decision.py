"""Folds all check results of a finished project into one decision, and says in sentences what it rests on.

Fail closed: a project is allowed only when it parses, boots, passes everything that is trusted, and nothing
that was asked for is left without a trusted case. Levels are those of docs/decisions/0003-loop.md.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import chain

from qlayer.types.check import BOOT, SMOKE, CasesPlan, CheckPlan, CheckResult, Decision, HttpPlan, Level
from qlayer.types.proof import SlotProof
from qlayer.types.source import SourceTree
from qlayer.validation.levels import missing as not_shown
from qlayer.validation.levels import shown, weakest


def proves_behaviour(plan: CheckPlan) -> bool:
    """Whether passing this plan says something about behaviour: trusted, and at least one case is judged."""
    if not plan.trusted or plan.name == SMOKE or not isinstance(plan, CasesPlan | HttpPlan):
        return False
    return any(case.expected is not None for case in plan.cases)


def decide(
    tree: SourceTree,
    checks: Sequence[CheckResult],
    *,
    unproved: Sequence[str] = (),
    proofs: Sequence[SlotProof] = (),
) -> Decision:
    """What follows from `checks` of `tree` and from the `proofs` of its slots.

    `unproved` names what a model wrote and no trusted case exercises (see `proves_behaviour`); anything in it
    withholds the permission and the levels above V2, though not V2. Proofs raise the level above V2, as far
    as the weakest of them does; they never give a permission that the checks do not.
    """
    broken = _unparsed(tree)
    if broken is not None:
        return Decision(level=None, allow=False, reasons=(broken,))
    boot = [check for check in checks if check.check == BOOT]
    if not boot or not all(check.ok for check in boot):
        why = next((check.verdict.cause for check in boot if not check.ok), "no boot check was run")
        return Decision(
            level=Level.V0, allow=False, reasons=("every file parses", f"it does not boot: {why}")
        )

    judged = [check for check in checks if check.trusted and check.check not in (BOOT, SMOKE)]
    failed = [_why_failed(check) for check in checks if check.trusted and not check.ok]
    missing = [f"no trusted example exercises {name}, so nothing proves it" for name in unproved]
    if not judged:
        missing.append("the spec has no examples, so nothing proves behaviour")
    proved = ["every file parses", "it boots", *_passed_sentences(checks)]
    soft = [f"(not gating) {_why_failed(check)}" for check in checks if not check.trusted and not check.ok]
    allow = not failed and not missing
    base = Level.V2 if judged and not failed else Level.V1
    beyond = [*chain.from_iterable(map(shown, proofs)), *chain.from_iterable(map(not_shown, proofs))]
    return Decision(
        level=weakest(proofs) if allow else base,
        allow=allow,
        reasons=(*proved, *(beyond if allow else ()), *failed, *missing, *soft),
    )


def _unparsed(tree: SourceTree) -> str | None:
    for path in tree.paths():
        if not path.endswith(".py"):
            continue
        try:
            ast.parse(tree.files[path])
        except (SyntaxError, ValueError, RecursionError) as error:
            return f"{path} does not parse: {error}"
    return None


def _passed_sentences(checks: Sequence[CheckResult]) -> list[str]:
    return [
        f"{check.check}: all {check.total} {_kind(check)} pass"
        for check in checks
        if check.ok and check.check != BOOT
    ]


def _why_failed(check: CheckResult) -> str:
    return f"{check.check}: {check.passed} of {check.total} {_kind(check)} pass: {check.verdict.cause}"


def _kind(check: CheckResult) -> str:
    if check.trusted:
        return "trusted cases"
    return "forgeable tests" if check.verdict.evidence.forgeable else "untrusted cases"
