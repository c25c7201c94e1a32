"""All scanners on one tree, side by side, with what they said before taken from a cache.

A result is kept under the digest of the files that the scanner wants, its name, its version and its rules: a
change to one file repeats only the scanners that look at it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from qlayer.scan.base import NOT_SCANNED, Project, Scanner, ScannerBroken
from qlayer.scan.cache import FindingsCache
from qlayer.scan.scratch import scratch
from qlayer.types.finding import Finding, Severity
from qlayer.types.ids import digest_of
from qlayer.types.scan import ScanReport, Suppressed, Suppression, ToolReport
from qlayer.types.source import SourceTree

AT_ONCE = 4
"""Scanners at work at the same time."""
_FORM = 2
"""Of the findings that are kept; raised when a tool's words are read in another way."""
_LOOK_AWAY = (".gitleaksignore", ".semgrepignore")
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
    turn = asyncio.Semaphore(AT_ONCE)
    with scratch() as folder:
        await asyncio.to_thread(_lay_out, seen, folder)
        scans = [_scanned(seen, folder, scanner, cache, turn) for scanner in scanners]
        answers = await asyncio.gather(*scans)
    found = [finding for _, findings in answers for finding in findings]
    kept, suppressed = _sifted(found, suppressions, today)
    tools = tuple(tool for tool, _ in answers)
    return ScanReport(tree=tree.digest, tools=tools, findings=kept, suppressed=suppressed)


def _lay_out(tree: SourceTree, folder: Path) -> None:
    for path, data in tree.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


async def _scanned(
    tree: SourceTree, folder: Path, scanner: Scanner, cache: FindingsCache | None, turn: asyncio.Semaphore
) -> tuple[ToolReport, tuple[Finding, ...]]:
    paths = tuple(path for path in tree.paths() if scanner.wants(path))
    version, rules = scanner.version(), scanner.rules()
    entries = tree.entries()
    key = digest_of([_FORM, scanner.name, version, rules, {path: entries[path] for path in paths}])
    known = cache.find(key) if cache is not None and paths and version is not None else None
    problem = None
    async with turn:
        began = time.monotonic()
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
        seconds = round(time.monotonic() - began, 3)
    report = ToolReport(
        tool=scanner.name,
        version=version,
        rules=rules,
        files=len(paths),
        seconds=seconds,
        cached=known is not None,
        findings=len(findings),
        problem=problem,
    )
    return report, findings


def _not_scanned(tool: str, paths: Sequence[str], error: ScannerBroken) -> Finding:
    return Finding(
        tool=tool,
        rule=NOT_SCANNED,
        severity=error.severity,
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
