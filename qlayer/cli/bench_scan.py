"""``qlayer bench scan``: which planted defect which tool finds, how fast, and what is said of clean code."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from qlayer.app.build import build_scanners
from qlayer.app.settings import load_settings
from qlayer.cli.options import Json
from qlayer.cli.render import out, print_json, table
from qlayer.cli.validate import read_project
from qlayer.scan.base import Scanner
from qlayer.scan.cache import FindingsCache
from qlayer.scan.planted import DEEP, FAST, planted
from qlayer.scan.run import scan as scan_tree
from qlayer.scan.tools import Profile
from qlayer.types.finding import Severity
from qlayer.types.frozen import Frozen
from qlayer.types.scan import ScanReport


class ScanBench(Frozen):
    """The planted project cold and from the cache, and clean projects."""

    cold: ScanReport
    cached: ScanReport
    clean: dict[str, ScanReport]


def scan(
    clean: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="Projects in which nothing is wrong.")
    ] = None,
    profile: Annotated[Profile, typer.Option(help="Which scanners.")] = "full",
    as_json: Json = False,
) -> None:
    """Scan a project with planted defects, twice. Ends with status 1 when one of them is not found."""
    tools = build_scanners(load_settings(), profile)
    result = asyncio.run(_measure(tools, clean or []))
    if as_json:
        print_json(result)
    else:
        _print(result, profile)
    wanted = FAST if profile == "fast" else (*FAST, *DEEP)
    raise typer.Exit(0 if all(one.found_in(result.cold.findings) for one in wanted) else 1)


async def _measure(tools: tuple[Scanner, ...], clean: list[Path]) -> ScanBench:
    with tempfile.TemporaryDirectory() as place:
        cache = FindingsCache(Path(place))
        cold = await scan_tree(planted(), tools, cache=cache)
        again = await scan_tree(planted(), tools, cache=cache)
        others = {}
        for folder in clean:
            tree = await asyncio.to_thread(read_project, folder, hidden=True)
            others[folder.name] = await scan_tree(tree, tools, cache=cache)
    return ScanBench(cold=cold, cached=again, clean=others)


def _print(result: ScanBench, profile: Profile) -> None:
    console = out()
    wanted = FAST if profile == "fast" else (*FAST, *DEEP)
    rows = ((one.path, one.tool, one.rule, _found(one.found_in(result.cold.findings))) for one in wanted)
    console.print(table("planted in", "tool", "rule", "", rows=rows))
    again = {tool.tool: tool.seconds for tool in result.cached.tools}
    times = (
        (one.tool, one.version or "not installed", f"{one.seconds:.2f}", f"{again[one.tool]:.3f}")
        for one in result.cold.tools
    )
    console.print(table("tool", "version", "seconds cold", "cached", rows=times))
    for name, report in result.clean.items():
        counts = ", ".join(f"{report.counts.get(severity, 0)} {severity}" for severity in reversed(Severity))
        console.print(f"{name}: {counts}")


def _found(found: bool) -> Text:
    return Text("found", style="green") if found else Text("NOT FOUND", style="red")
