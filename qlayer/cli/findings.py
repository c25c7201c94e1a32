"""A scan as tables: what stands, worst first, and which tools looked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from qlayer.cli.render import printable, table
from qlayer.types.finding import Finding, Severity
from qlayer.types.scan import ScanReport

_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "dim",
}
_SHOWN_CHARS = 400


def scan_tables(report: ScanReport, *, most: int | None = None) -> Iterator[Table]:
    """At `most` so many findings (None: all of them); the tools always."""
    if report.findings:
        yield _findings(report.findings[:most], len(report.findings))
    yield table(
        *("tool", "version", "files", "seconds", "findings"),
        rows=(
            (
                one.tool,
                one.version or "not installed",
                str(one.files),
                "cached" if one.cached else f"{one.seconds:.2f}",
                str(one.findings),
            )
            for one in report.tools
        ),
    )


def _findings(shown: Sequence[Finding], of: int) -> Table:
    rows = (
        (
            f"{one.path}:{one.line}" if one.line else one.path,
            Text(one.severity, style=_STYLES[one.severity]),
            f"{one.tool} {one.rule}",
            Text(_short(one.message)),
        )
        for one in shown
    )
    title = f"{len(shown)} of {of} findings" if len(shown) < of else None
    return table("place", "severity", "rule", "what", rows=rows, title=title)


def _short(message: str) -> str:
    """A tool may quote a line of any length; the JSON and SARIF reports have the whole of it."""
    text = printable(message)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + " ..."
