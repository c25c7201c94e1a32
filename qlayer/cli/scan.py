"""``qlayer scan``: what tools say of a project's source, of a capsule or of a folder."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from qlayer.app.build import build_scanners, open_storage
from qlayer.app.settings import Settings, load_settings
from qlayer.app.suppressions import read_suppressions
from qlayer.cli.findings import scan_tables
from qlayer.cli.options import Json
from qlayer.cli.render import out, print_json
from qlayer.cli.validate import read_project
from qlayer.errors import InputError
from qlayer.scan.cache import FindingsCache
from qlayer.scan.run import scan as scan_tree
from qlayer.scan.sarif import sarif
from qlayer.scan.tools import Profile
from qlayer.types.finding import Severity
from qlayer.types.scan import ScanReport, Suppression
from qlayer.types.source import SourceTree

_ORDER = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)


def scan(
    target: Annotated[
        str, typer.Argument(metavar="DIR|CAPSULE", help="A folder, or a capsule's id or 6 hex digits of it.")
    ],
    fail_on: Annotated[
        Severity, typer.Option(help="End with status 1 for a finding at least this severe.")
    ] = Severity.HIGH,
    sarif_file: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Also write SARIF 2.1.0.")
    ] = None,
    suppressions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="YAML list: tool, rule, path, reason, until."),
    ] = None,
    profile: Annotated[
        Profile, typer.Option(help="fast: only what takes well under a second each.")
    ] = "full",
    as_json: Json = False,
) -> None:
    """Look for secrets, weaknesses and defects without running anything.

    The project's own configuration of the tools, and comments that ask them to look away, are not obeyed.
    """
    settings = load_settings()
    file = suppressions or settings.suppressions
    accepted = read_suppressions(file) if file is not None else ()
    report = asyncio.run(_scan(settings, target, accepted, profile))
    if sarif_file is not None:
        _write(sarif_file, report)
    if as_json:
        print_json(report)
    else:
        _print(report)
    bad = any(_ORDER.index(one.severity) >= _ORDER.index(fail_on) for one in report.findings)
    raise typer.Exit(1 if bad else 0)


async def _scan(
    settings: Settings, target: str, accepted: tuple[Suppression, ...], profile: Profile
) -> ScanReport:
    tree = await _tree(settings, target)
    return await scan_tree(
        tree,
        build_scanners(settings, profile),
        cache=FindingsCache(settings.scans_dir),
        suppressions=accepted,
        today=datetime.now(UTC).date(),
    )


async def _tree(settings: Settings, target: str) -> SourceTree:
    folder = Path(target)
    if await asyncio.to_thread(folder.is_dir):
        return await asyncio.to_thread(read_project, folder, hidden=True)
    async with open_storage(settings) as storage:
        found = await storage.records.find_capsule(target)
        return (await storage.capsules.load(found.id))[1]


def _write(file: Path, report: ScanReport) -> None:
    try:
        file.write_text(json.dumps(sarif(report), indent=2) + "\n")
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}", field="sarif") from None


def _print(report: ScanReport) -> None:
    console = out()
    console.print(*scan_tables(report), sep="\n")
    if report.suppressed:
        console.print(f"{len(report.suppressed)} suppressed")
