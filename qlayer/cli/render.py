"""What all commands print with: consoles, tables and the shapes of numbers, for terminals and for pipes.

Results go to stdout, everything else to stderr. Text that a model or a program wrote never reaches a terminal
with its control characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qlayer.types.check import CheckResult, Decision
from qlayer.types.ids import CapsuleId, Digest, canonical_json

PIPE_WIDTH = 160
"""Columns when nobody says how wide the output is."""


def out() -> Console:
    """Stdout, where results go."""
    return _console(stderr=False)


def err() -> Console:
    """Stderr, for progress and messages."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def print_json(value: BaseModel | Sequence[BaseModel]) -> None:
    """One JSON document on stdout."""
    data = value if isinstance(value, BaseModel) else [item.model_dump(mode="json") for item in value]
    typer.echo(canonical_json(data).decode())


def table(*columns: str, rows: Iterable[Sequence[str | Text]], title: str | None = None) -> Table:
    """A plain table; the first column is never wrapped or cut."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        made.add_column(column, no_wrap=number == 0, overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def checks_table(checks: Iterable[CheckResult]) -> Table:
    """Verdicts, one line each."""
    return table(
        *("check", "verdict", "passed", "seconds", "why"),
        rows=(
            (
                Text(check.check + ("" if check.trusted else " (not trusted)")),
                verdict_text(check),
                f"{check.passed}/{check.total}",
                f"{check.usage.wall_s:.2f}",
                Text("" if check.ok else printable(check.verdict.cause)),
            )
            for check in checks
        ),
    )


def verdict_text(check: CheckResult) -> Text:
    return Text(check.verdict.outcome.value, style="green" if check.ok else "red")


def decision_text(decision: Decision) -> Text:
    """The level, and whether everything that was trusted passed."""
    level = decision.level.value if decision.level else "no level"
    return Text(f"{level} {'allowed' if decision.allow else 'not allowed'}", style=decision_style(decision))


def decision_style(decision: Decision) -> str:
    return "green" if decision.allow else "yellow"


def short(capsule: CapsuleId | Digest) -> str:
    """The digest's first 12 hex digits: enough to find it by."""
    return capsule.removeprefix("sha256:")[:12]


def size(size_bytes: int | None) -> str:
    """Bytes for people, in decimal units."""
    if size_bytes is None:
        return "?"
    value = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.2f} GB"


def printable(text: str) -> str:
    """Without control characters (escape sequences among them) but line breaks and tabs."""
    return "".join(
        ch if ch in "\n\t" or (ch >= " " and not "\x7f" <= ch <= "\x9f") else "\ufffd" for ch in text
    )
