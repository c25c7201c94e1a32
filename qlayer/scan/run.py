"""All scanners on one tree, side by side, with what they said before taken from a cache.

A result is kept under the digest of the files that the scanner wants, its name and its version: a change to
one file repeats only the scanners that look at it.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from qlayer.scan.base import Project, Scanner, ScannerBroken
from qlayer.scan.cache import FindingsCache
from qlayer.types.finding import Finding, Severity
from qlayer.types.ids import digest_of
from qlayer.types.scan import ScanReport, Suppressed, Suppression, ToolReport
from qlayer.types.source import SourceTree

NOT_SCANNED = "not-scanned"
_LOOK_AWAY = (".gitleaksignore",)
"""Lists of findings to pass over that a tool obeys even when told not to; it does not get to see them."""
_WORST_FIRST = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)


async def scan(
    tree: SourceTree,
    scanners: Sequence[Scanner],
    *,
    cache: FindingsCache | None = None,
    suppressions: Sequence[Suppression] = (),
    today: date | None = None,
) -> ScanReport:
    """Scan a tree. A scanner that is missing or breaks leaves a finding that says so, never silence.

    `today` decides which `suppressions` still count (None: all of them).
    """
    seen = tree.without(*(path for path in tree.paths() if path.split("/")[-1] in _LOOK_AWAY))
    with tempfile.TemporaryDirectory(prefix="qlayer-scan-") as name:
        folder = await asyncio.to_thread(_laid_out, seen, name)
        tools = await asyncio.gather(*(_scanned(seen, folder, scanner, cache) for scanner in scanners))
    kept, suppressed = _sifted([one for tool in tools for one in tool.findings], suppressions, today)
    return ScanReport(tree=tree.digest, tools=tuple(tools), findings=kept, suppressed=suppressed)


def _laid_out(tree: SourceTree, name: str) -> Path:
    folder = Path(name).resolve()
    for path, data in tree.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


async def _scanned(
    tree: SourceTree, folder: Path, scanner: Scanner, cache: FindingsCache | None
) -> ToolReport:
    paths = tuple(path for path in tree.paths() if scanner.wants(path))
    version = scanner.version()
    began = time.monotonic()
    entries = tree.entries()
    key = digest_of([scanner.name, version, {path: entries[path] for path in paths}])
    known = cache.find(key) if cache is not None and paths and version is not None else None
    problem = None
    if known is not None or not paths:
        findings = known or ()
    else:
        try:
            findings = await scanner.scan(Project(tree, folder, paths))
            if cache is not None:
                cache.keep(key, findings)
        except ScannerBroken as error:
            problem = error.message
            findings = (_not_scanned(scanner.name, paths, error),)
    return ToolReport(
        tool=scanner.name,
        version=version,
        files=len(paths),
        seconds=round(time.monotonic() - began, 3),
        cached=known is not None,
        findings=findings,
        problem=problem,
    )


def _not_scanned(tool: str, paths: Sequence[str], error: ScannerBroken) -> Finding:
    return Finding(
        tool=tool,
        rule=NOT_SCANNED,
        severity=Severity.HIGH,
        message=f"{len(paths)} files were not looked at: {error.message}",
        path=paths[0],
        hint=error.hint or "",
    )


def _sifted(
    findings: Sequence[Finding], suppressions: Sequence[Suppression], today: date | None
) -> tuple[tuple[Finding, ...], tuple[Suppressed, ...]]:
    """Findings that stand, worst first, and those that a suppression takes away."""
    standing: list[Finding] = []
    suppressed: list[Suppressed] = []
    for finding in findings:
        by = next((one for one in suppressions if _covers(one, finding)), None)
        if by is None or finding.rule == NOT_SCANNED:
            standing.append(finding)
        elif today is not None and by.until < today:
            standing.append(finding.model_copy(update={"hint": f"its suppression ended on {by.until}"}))
        else:
            suppressed.append(Suppressed(finding=finding, by=by))
    standing.sort(key=lambda one: (_WORST_FIRST.index(one.severity), one.path, one.line or 0, one.rule))
    return tuple(standing), tuple(suppressed)


def _covers(suppression: Suppression, finding: Finding) -> bool:
    same = (suppression.tool, suppression.rule) == (finding.tool, finding.rule)
    return same and fnmatchcase(finding.path, suppression.path)
