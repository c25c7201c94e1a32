"""What the runaways came to: a table for people, a file for programs, and progress on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from qlayer.types.frozen import Frozen
from qlayer.types.usage import Budget

if TYPE_CHECKING:
    from jobs.runaway_checks import Allowed
    from jobs.runaways import RunawayRow


class Group(Frozen):
    """The runs of one model."""

    behaviour: str
    runs: int
    statuses: dict[str, int]
    tokens_most: int
    seconds_most: float
    asked_most: int
    """Prompts of one run."""
    told_most: int
    """Times that one error went to the model in one run, by whichever count is higher."""
    violating: int


class RunawayReport(Frozen):
    """All runs, summed up. Tokens are generated tokens, seconds wall seconds of work."""

    budget: Budget
    grace_s: float
    runs: int
    with_reason: int
    within_seconds: int
    """Runs that needed no grace."""
    grace_used_s: float
    """The most of one run."""
    groups: tuple[Group, ...]
    violations: tuple[str, ...]
    """``request, model: what is wrong``."""


class RunawayProgress:
    """A bar on a terminal, a line per twenty runs elsewhere."""

    def __init__(self, *, total: int, done: int, quiet: bool) -> None:
        self._console = Console(stderr=True)
        self._total, self._done, self._violating = total, done, 0
        self._quiet = quiet
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("runs", total=total, completed=done)

    def __enter__(self) -> RunawayProgress:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def advance(self, row: RunawayRow) -> None:
        self._done += 1
        self._violating += bool(row.violations)
        text = f"violating {self._violating}"
        self._bar.update(self._task, completed=self._done, description=text)
        plain = not self._quiet and not self._console.is_terminal
        if plain and (self._done % 20 == 0 or self._done == self._total):
            self._console.print(f"{self._done}/{self._total} runs  {text}", highlight=False)


def summarise(rows: Sequence[RunawayRow], allowed: Allowed) -> RunawayReport:
    """Fold the ledger's rows. Pure."""
    behaviours = dict.fromkeys(row.behaviour for row in rows)
    return RunawayReport(
        budget=allowed.budget,
        grace_s=allowed.grace_s,
        runs=len(rows),
        with_reason=sum(bool(row.reason.strip()) for row in rows),
        within_seconds=sum(row.seconds <= allowed.budget.seconds for row in rows),
        grace_used_s=max((0.0, *(row.seconds - allowed.budget.seconds for row in rows))),
        groups=tuple(_group(name, [row for row in rows if row.behaviour == name]) for name in behaviours),
        violations=tuple(
            f"{row.brief}, {row.behaviour}: {wrong}" for row in rows for wrong in row.violations
        ),
    )


def _group(behaviour: str, rows: Sequence[RunawayRow]) -> Group:
    return Group(
        behaviour=behaviour,
        runs=len(rows),
        statuses=dict(sorted(Counter(row.status for row in rows).items())),
        tokens_most=max(row.tokens for row in rows),
        seconds_most=max(row.seconds for row in rows),
        asked_most=max(row.asked for row in rows),
        told_most=max(max(row.told.by_signature, row.told.by_words) for row in rows),
        violating=sum(bool(row.violations) for row in rows),
    )


def print_report(report: RunawayReport, *, as_json: bool) -> None:
    console = Console()
    if as_json:
        console.out(report.model_dump_json(indent=2), highlight=False)
        return
    budget = f"{report.budget.tokens} tokens, {report.budget.seconds:g} s and {report.grace_s:g} s of grace"
    table = Table(title=f"{report.runs} runs within {budget}")
    headings = ("model", "ended", "tokens", "seconds", "asked", "same error told", "violating")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in headings[:2] else "right")
    for group in report.groups:
        table.add_row(
            group.behaviour,
            ", ".join(f"{count} {status}" for status, count in group.statuses.items()),
            str(group.tokens_most),
            f"{group.seconds_most:.1f}",
            str(group.asked_most),
            str(group.told_most),
            str(group.violating),
        )
    console.print(table)
    console.print(
        f"{report.with_reason} of {report.runs} say why they ended; {report.within_seconds} needed no grace, "
        f"the others {report.grace_used_s:.1f} s at most. "
        "Tokens, seconds, prompts and telling are the most of one run.",
        highlight=False,
    )
    for sentence in report.violations:
        console.print(f"violation: {sentence}", highlight=False, markup=False)
