"""``qlayer bench languages``: the small programs of every language, with their verdicts in a table."""

from __future__ import annotations

import asyncio

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from qlayer.app.settings import Settings, load_settings
from qlayer.cli.options import Json
from qlayer.cli.render import err, out, print_json, table
from qlayer.sandbox.bench.languages import CASES, LanguageResult, LanguageSuite, run_suite
from qlayer.sandbox.warm import WarmSandbox


def languages(as_json: Json = False) -> None:
    """Run six small programs in each of ten languages. Exit status 1: one of them got another verdict."""
    suite = asyncio.run(_run(load_settings(), quiet=as_json))
    if as_json:
        print_json(suite)
    else:
        _print(suite)
    if not suite.as_expected:
        raise typer.Exit(1)


async def _run(settings: Settings, *, quiet: bool) -> LanguageSuite:
    console = err()
    columns = (TextColumn("programs"), BarColumn(), MofNCompleteColumn())
    hidden = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("programs", total=None)
        async with WarmSandbox(settings.warm) as warm:
            return await run_suite(
                warm, lambda done, total: progress.update(task, completed=done, total=total)
            )


def _print(suite: LanguageSuite) -> None:
    console = out()
    by_language: dict[str, list[LanguageResult]] = {}
    for result in suite.results:
        by_language.setdefault(result.language.value, []).append(result)
    console.print(
        table(
            *("language", *(case.name for case in CASES), "seconds"),
            rows=(
                (language, *map(_cell, results), f"{sum(result.seconds for result in results):.1f}")
                for language, results in by_language.items()
            ),
        )
    )
    for language, version in suite.versions.items():
        console.print(f"{language}: {version}", highlight=False)
    for language, reason in suite.missing.items():
        console.print(f"not run: {language}: {reason}", highlight=False)
    good = sum(result.outcome is result.expected for result in suite.results)
    console.print(f"{good} of {len(suite.results)} as expected")
    for result in suite.results:
        if result.outcome is not result.expected:
            console.print(f"{result.language.value} {result.case}: {result.cause}", highlight=False)


def _cell(result: LanguageResult) -> str:
    outcome = result.outcome.value
    return outcome if result.outcome is result.expected else f"{outcome}, not {result.expected.value}"
