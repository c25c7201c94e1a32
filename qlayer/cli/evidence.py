"""What is known of a program beyond its checks, for people: its slots' proofs and its assessment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from qlayer.cli.render import printable, size, table
from qlayer.types.assessment import Assessment, CheckCost
from qlayer.types.finding import Severity
from qlayer.types.proof import SlotProof

_SHOWN = 10
_STYLES = {Severity.HIGH: "red", Severity.MEDIUM: "yellow", Severity.LOW: ""}


def evidence(proofs: Sequence[SlotProof], assessment: Assessment | None) -> Iterator[RenderableType]:
    """Tables, none for what there is nothing of."""
    if proofs:
        yield proofs_table(proofs)
    if assessment is None:
        return
    if assessment.functions:
        yield _functions_table(assessment)
    if assessment.costs:
        yield _costs_table(assessment.costs)
    if assessment.findings:
        yield _findings_table(assessment)
    for sentence in (*assessment.advice, *assessment.skipped):
        yield Text(f"- {printable(sentence)}")


def proofs_table(proofs: Sequence[SlotProof]) -> Table:
    """One line a slot: what its level rests on."""
    return table(
        *("proved of", "inputs", "without a crash", "samples that pass", "do the same", "mutants noticed"),
        rows=(
            (
                Text(printable(proof.slot)),
                f"{proof.used} {proof.inputs}",
                f"{proof.crash_free:.0%}" if proof.used else "-",
                f"{proof.candidates}/{proof.samples}",
                ", ".join(f"{share:.0%}" for share in proof.agreements) or "-",
                f"{proof.killed}/{proof.mutants}",
            )
            for proof in proofs
        ),
    )


def _functions_table(assessment: Assessment) -> Table:
    return table(
        *("function", "complexity", "lines", "at"),
        rows=(
            (Text(printable(one.name)), str(one.complexity), str(one.lines), f"{one.path}:{one.line}")
            for one in assessment.functions[:_SHOWN]
        ),
    )


def _costs_table(costs: Sequence[CheckCost]) -> Table:
    return table(
        *("cost of", "slot", "seconds", "memory", "slowest against the others"),
        rows=(
            (Text(cost.check), cost.slot, f"{cost.seconds:.3f}", size(cost.memory_peak_bytes), _slowest(cost))
            for cost in costs
        ),
    )


def _slowest(cost: CheckCost) -> Text:
    compared = [case for case in cost.cases if case.times_slower is not None]
    case = max(compared, key=lambda one: one.times_slower or 0, default=None)
    if case is None:
        return Text("nothing to compare with")
    others = "the other" if cost.compared == 1 else f"the fastest of {cost.compared} others"
    return Text(printable(f"{case.name}: {case.times_slower:.1f} x {others}"))


def _findings_table(assessment: Assessment) -> Table:
    return table(
        *("rule", "severity", "at", "message"),
        rows=(
            (
                f"{one.tool} {one.rule}",
                Text(one.severity, style=_STYLES[one.severity]),
                f"{one.path}:{one.line or '-'}",
                Text(printable(one.message)),
            )
            for one in assessment.findings[:_SHOWN]
        ),
    )
