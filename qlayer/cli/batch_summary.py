"""What a batch came to: verdicts and run times as tables with bars, in the terminal or as a picture."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from qlayer.app.batch import VerdictRow
from qlayer.cli.render import printable, table
from qlayer.errors import StoreError
from qlayer.types.verdict import PRECEDENCE, Outcome

_BAR_CELLS = 40
_SHOWN = 10
_EDGES_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Upper ends of the histogram's classes, in seconds."""
_PLOT_WIDTH = 100


def summary(rows: Sequence[VerdictRow]) -> RenderableType:
    """Verdicts, run times, and the first jobs that were not accepted."""
    parts: list[RenderableType] = [_verdicts(rows), Text(), _times(rows)]
    failed = [row for row in rows if row.outcome is not Outcome.ACCEPTED]
    if failed:
        parts += [Text(), _failed(failed)]
    return Group(*parts)


def save_plot(rows: Sequence[VerdictRow], path: Path) -> None:
    """The summary as .svg, .html or .txt, by the path's suffix; the file is whole or not there."""
    console = Console(record=True, file=io.StringIO(), width=_PLOT_WIDTH, highlight=False, markup=False)
    console.print(summary(rows))
    if path.suffix == ".svg":
        text = console.export_svg(title=f"{len(rows)} jobs")
    else:
        text = console.export_html() if path.suffix == ".html" else console.export_text()
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from None


def _verdicts(rows: Sequence[VerdictRow]) -> RenderableType:
    counts = Counter(row.outcome for row in rows)
    return table(
        *("verdict", "jobs", "share", ""),
        rows=(
            (
                Text(outcome.value, style=_style(outcome)),
                str(counts[outcome]),
                f"{counts[outcome] / len(rows):.1%}",
                Text(_bar(counts[outcome], max(counts.values())), style=_style(outcome)),
            )
            for outcome in reversed(PRECEDENCE)
            if counts[outcome]
        ),
    )


def _times(rows: Sequence[VerdictRow]) -> RenderableType:
    walls = sorted(row.usage.wall_s for row in rows)
    classes = Counter(next((n for n, edge in enumerate(_EDGES_S) if w <= edge), len(_EDGES_S)) for w in walls)
    p50, p99 = (walls[min(len(walls) - 1, int(share * len(walls)))] for share in (0.5, 0.99))
    return table(
        *("wall time", "jobs", ""),
        rows=(
            (
                f"<= {_EDGES_S[n]:g} s" if n < len(_EDGES_S) else f"> {_EDGES_S[-1]:g} s",
                str(classes[n]),
                _bar(classes[n], max(classes.values())),
            )
            for n in range(min(classes), max(classes) + 1)
        ),
        title=f"p50 {p50:.3f} s, p99 {p99:.3f} s, max {walls[-1]:.3f} s",
    )


def _failed(failed: Sequence[VerdictRow]) -> RenderableType:
    more = f"; the first {_SHOWN} of {len(failed)}" if len(failed) > _SHOWN else ""
    return table(
        *("job", "verdict", "why"),
        rows=(
            (
                Text(printable(row.id)),
                Text(row.outcome.value, style="red"),
                Text(printable(row.verdict.cause)),
            )
            for row in failed[:_SHOWN]
        ),
        title=f"not accepted{more}",
    )


def _bar(count: int, most: int) -> str:
    return "█" * max(1 if count else 0, round(_BAR_CELLS * count / most))


def _style(outcome: Outcome) -> str:
    return "green" if outcome is Outcome.ACCEPTED else "red"
