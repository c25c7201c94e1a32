"""``qlayer templates``: the families of projects, a bare project of one, and the proof that they work."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from qlayer.app.settings import Settings, load_settings
from qlayer.cli.options import Json
from qlayer.cli.render import out, print_json, printable, table
from qlayer.errors import ConflictError, InputError, NotFoundError
from qlayer.generation.base import Template
from qlayer.generation.intake import parse_spec
from qlayer.generation.templates import TEMPLATES
from qlayer.generation.templates.manifest import Manifest, load_manifest
from qlayer.generation.templates.own import load_family
from qlayer.pipeline.dry_run import DryRun, dry_run
from qlayer.sandbox import runtimes
from qlayer.sandbox.runtimes import ToolchainMissing
from qlayer.sandbox.warm import WarmSandbox
from qlayer.scan.spawned import RUFF, SHELLCHECK
from qlayer.scan.tools import DELIVERY
from qlayer.types.check import CheckResult

app = typer.Typer(no_args_is_help=True, help="Families of projects: list, show, start one, check them.")

Family = Annotated[
    str, typer.Argument(metavar="NAME|DIR", help="A family's name, or the folder of one of your own.")
]


@app.command()
def ls(as_json: Json = False) -> None:
    """List the families that requests are given to."""
    manifests = [load_manifest(family.folder) for family in TEMPLATES.values()]
    if as_json:
        print_json(manifests)
        return
    rows = ((one.name, one.summary, ", ".join(one.runtimes), one.licence) for one in manifests)
    out().print(table("family", "what it makes", "runs on", "licence", rows=rows))


@app.command()
def show(name: Family, as_json: Json = False) -> None:
    """Say what a family makes, what a model writes in it, and how a request shapes it."""
    manifest = load_manifest(_family(name).folder)
    if as_json:
        print_json(manifest)
    else:
        _print_manifest(manifest)


@app.command()
def new(
    name: Family,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; it must not exist or be empty.")],
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="KEY=VALUE", help="A parameter; see `show`.")
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="The project's title. Default: that of the sample.")
    ] = None,
) -> None:
    """Write a project of a family without a model: its sample, with your parameters. Slots stay empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(f"{folder} is there already and not empty")
    family = _family(name)
    manifest = load_manifest(family.folder)
    text = _request(manifest, _parameters(manifest, param or []), title)
    skeleton = family.instantiate(parse_spec(text, template=family.name))
    for path, data in skeleton.tree.files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    out().print(f"{folder}: {len(skeleton.tree.files)} files of the family {family.name}", soft_wrap=True)
    for slot in skeleton.slots:
        out().print(f"to be written: {slot.name} in {slot.path}", soft_wrap=True)


@app.command()
def check(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME|DIR]...", help="Default: all that are shipped.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Boot, test and lint families in the sandbox, without a model. Ends with status 1 when one fails."""
    families = [_family(name) for name in names or TEMPLATES]
    runs = asyncio.run(_try(load_settings(), families))
    if as_json:
        print_json(runs)
    else:
        _print_runs(runs)
    raise typer.Exit(0 if all(one.ok for one in runs) else 1)


async def _try(settings: Settings, families: list[Template]) -> list[DryRun]:
    linters = (RUFF, SHELLCHECK, *DELIVERY)
    async with WarmSandbox(settings.warm) as sandbox:
        return [await dry_run(one, sandbox, linters, missing=_missing(one)) for one in families]


def _missing(family: Template) -> list[str]:
    reasons = []
    for language in load_manifest(family.folder).needs:
        try:
            runtimes.find(language)
        except ToolchainMissing as missing:
            reasons.append(str(missing))
    return reasons


def _family(name: str) -> Template:
    """A shipped family, or one in a folder. Raises `NotFoundError`, `ConflictError`, `ConfigurationError`."""
    if name in TEMPLATES:
        return TEMPLATES[name]
    folder = Path(name)
    if not folder.is_dir():
        raise NotFoundError(
            f"there is no family {name!r}, and no folder of that name",
            kind="template",
            hint="qlayer templates ls",
        )
    family = load_family(folder)
    if family.name in TEMPLATES:
        raise ConflictError(f"{folder}: name: a shipped family is called {family.name} already")
    return family


def _parameters(manifest: Manifest, given: list[str]) -> dict[str, str]:
    known = {one.name for one in manifest.parameters}
    values: dict[str, str] = {}
    for word in given:
        key, separator, value = word.partition("=")
        if not separator or key not in known:
            limit = "KEY=VALUE with one of: " + (", ".join(sorted(known)) or "(it has no parameters)")
            raise InputError(f"--param {word!r} is not understood", field="param", limit=limit)
        values[key] = value
    return values


def _request(manifest: Manifest, parameters: dict[str, str], title: str | None) -> str:
    """The sample with another title and further parameters, which stand before those that it says itself."""
    head, _, body = manifest.sample.partition("\n")
    said = "".join(f"- {key}: {value}\n" for key, value in parameters.items())
    return f"{f'# {title}' if title else head}\n\n{said}\n{body.lstrip()}"


def _print_manifest(manifest: Manifest) -> None:
    console = out()
    console.print(f"{manifest.name}: {manifest.summary}", soft_wrap=True)
    facts = {
        "slots": manifest.slots,
        "tests": manifest.tests,
        "runs on": ", ".join(manifest.runtimes),
        "packages": ", ".join(manifest.packages),
        "licence": manifest.licence,
        "never checked": "; ".join(manifest.unchecked),
    }
    console.print(table("", "", rows=((key, Text(printable(text))) for key, text in facts.items() if text)))
    if manifest.parameters:
        rows = ((one.name, Text(printable(one.said)), one.default) for one in manifest.parameters)
        console.print(table("parameter", "how a request says it", "otherwise", rows=rows))


def _print_runs(runs: list[DryRun]) -> None:
    console = out()
    rows = (
        (
            one.family,
            _counts(one.boot),
            _counts(one.tests),
            str(len(one.slots)),
            str(one.files),
            ", ".join(one.linted) or "no tool",
            Text(str(len(one.findings)), style="red" if one.findings else "green"),
            f"{one.seconds:.1f}",
            _outcome(one),
        )
        for one in runs
    )
    columns = ("family", "boot", "tests", "slots", "files", "linted by", "findings", "seconds", "")
    console.print(table(*columns, rows=rows))
    for one in runs:
        for reason in (*one.not_linted, *one.skipped):
            console.print(Text(f"{one.family}: not tried: {printable(reason)}"), soft_wrap=True)
        for found in one.findings:
            console.print(Text(printable(f"{one.family}: {found.path}: {found.message}")), soft_wrap=True)
        for failed in (result for result in (*one.boot, *one.tests) if not result.ok):
            console.print(
                Text(printable(f"{one.family}: {failed.check}: {failed.verdict.cause}")), soft_wrap=True
            )


def _outcome(run: DryRun) -> Text:
    if not run.ok:
        return Text("FAILED", style="red")
    return Text("ok", style="green") if run.boot or run.tests else Text("nothing run", style="yellow")


def _counts(results: tuple[CheckResult, ...]) -> Text:
    if not results:
        return Text("skipped", style="yellow")
    passed, total = sum(one.passed for one in results), sum(one.total for one in results)
    return Text(f"{passed}/{total}", style="green" if all(one.ok for one in results) else "red")
