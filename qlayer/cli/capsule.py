"""``qlayer capsule``: finished projects and their evidence."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from qlayer.app.build import open_storage
from qlayer.app.settings import Settings, load_settings
from qlayer.cli.capsule_accept import accept
from qlayer.cli.capsule_edit import edit
from qlayer.cli.capsule_image import image
from qlayer.cli.capsule_sign import MaybeSigned, TrustFile, sign, trusted
from qlayer.cli.evidence import evidence
from qlayer.cli.findings import scan_tables
from qlayer.cli.options import Json, Limit
from qlayer.cli.render import checks_table, decision_text, out, print_json, printable, short, table
from qlayer.packaging.diff import CapsuleDiff
from qlayer.packaging.folder import Exported
from qlayer.packaging.offline import verify_folder
from qlayer.packaging.verification import Verification
from qlayer.types.capsule import CapsuleManifest, CapsuleSummary
from qlayer.types.signature import Trust

app = typer.Typer(no_args_is_help=True, help="Capsules: list, show, export, compare and verify.")

app.command()(accept)
app.command()(edit)
app.command()(sign)
app.command()(image)

_FINDINGS_SHOWN = 20

Id = Annotated[str, typer.Argument(metavar="CAPSULE", help="A capsule's id, or at least 6 hex digits of it.")]


@app.command()
def ls(limit: Limit = 20, as_json: Json = False) -> None:
    """List capsules, newest first."""
    rows = asyncio.run(_list(load_settings(), limit))
    if as_json:
        print_json(rows)
        return
    out().print(
        table(
            *("capsule", "made", "level", "template", "model", "title"),
            rows=(
                (
                    short(row.id),
                    f"{row.created_at:%Y-%m-%d %H:%M}",
                    Text(row.level or "none", style="green" if row.allow else "yellow"),
                    row.template,
                    row.model,
                    Text(printable(row.title)),
                )
                for row in rows
            ),
        )
    )


@app.command()
def show(capsule: Id, as_json: Json = False) -> None:
    """Show a capsule's manifest: what was asked, what was tried, what is proved."""
    manifest = asyncio.run(_manifest(load_settings(), capsule))
    if as_json:
        print_json(manifest)
        return
    console = out()
    console.print(Text(printable(manifest.title), style="bold"), decision_text(manifest.decision))
    console.print(table("fact", "value", rows=_facts(manifest)))
    console.print(checks_table(manifest.checks))
    console.print(*evidence(manifest.proofs, manifest.assessment), sep="\n")
    if manifest.scan is not None:
        console.print(*scan_tables(manifest.scan, most=_FINDINGS_SHOWN), sep="\n")
    console.print(table("file", "digest", rows=manifest.files.items()))


@app.command()
def export(
    capsule: Id,
    destination: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a folder that is an exported capsule.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a capsule's project, with its manifest and its signatures, to a folder."""
    done = asyncio.run(_export(load_settings(), capsule, destination, force))
    if as_json:
        print_json(done)
    else:
        out().print(f"{done.files} files ({done.bytes} bytes) in {done.path}")


@app.command()
def diff(before: Id, after: Id, as_json: Json = False) -> None:
    """Show what changed from one capsule to another. Ends with status 1 when they differ."""
    found = asyncio.run(_diff(load_settings(), before, after))
    if as_json:
        print_json(found)
    else:
        _print_diff(found)
    raise typer.Exit(1 if found.files or found.evidence else 0)


@app.command()
def verify(
    capsule: Annotated[
        str, typer.Argument(metavar="CAPSULE|DIR", help="A capsule's id, or the folder of an exported one.")
    ],
    key: TrustFile = None,
    signed: MaybeSigned = False,
    as_json: Json = False,
) -> None:
    """Check a capsule step by step: digests, claims, signatures. Ends with status 1 when a step fails."""
    settings = load_settings()
    trust, required = trusted(settings, key), signed or bool(key)
    found = (
        verify_folder(Path(capsule), trust=trust, signed=required)
        if Path(capsule).is_dir()
        else asyncio.run(_verify(settings, capsule, trust, required))
    )
    if as_json:
        print_json(found)
    else:
        rows = (
            (str(step.number), _mark(step.ok), step.name, Text(printable(step.detail)))
            for step in found.steps
        )
        out().print(table("step", "", "name", "detail", rows=rows, title=found.capsule))
    raise typer.Exit(0 if found.ok else 1)


async def _list(settings: Settings, limit: int) -> tuple[CapsuleSummary, ...]:
    async with open_storage(settings) as storage:
        return await storage.records.capsules(limit=limit)


async def _manifest(settings: Settings, prefix: str) -> CapsuleManifest:
    async with open_storage(settings) as storage:
        found = await storage.records.find_capsule(prefix)
        return (await storage.capsules.load(found.id))[0]


async def _export(settings: Settings, prefix: str, destination: Path, force: bool) -> Exported:
    async with open_storage(settings) as storage:
        found = await storage.records.find_capsule(prefix)
        sidecars = await storage.attestations.sidecars(found.id)
        return await storage.capsules.export(found.id, destination, force=force, sidecars=sidecars)


async def _diff(settings: Settings, before: str, after: str) -> CapsuleDiff:
    async with open_storage(settings) as storage:
        first = await storage.records.find_capsule(before)
        second = await storage.records.find_capsule(after)
        return await storage.capsules.diff(first.id, second.id)


async def _verify(settings: Settings, prefix: str, trust: Trust, signed: bool) -> Verification:
    async with open_storage(settings) as storage:
        found = await storage.records.find_capsule(prefix)
        return await storage.attestations.verify(found.id, trust, signed=signed)


def _facts(manifest: CapsuleManifest) -> list[tuple[str, Text]]:
    stops = "; ".join(f"{slot}: {reason}" for slot, reason in manifest.stop_reasons.items())
    facts = {
        "capsule": manifest.id,
        "run": manifest.run_id,
        "made": f"{manifest.created_at:%Y-%m-%d %H:%M:%S} by qlayer {manifest.qlayer_version}",
        "template": f"{manifest.template} ({manifest.template_reason})",
        "model": f"{manifest.model.id} {manifest.model.revision}, {manifest.model.licence}",
        "weights": manifest.model.digest or "unknown",
        "tries": str(len(manifest.attempts)),
        "cost": f"{manifest.usage.completion_tokens} tokens, {manifest.seconds:.1f} s",
        "stopped": stops,
        "level": "; ".join(manifest.decision.reasons),
    }
    return [(name, Text(printable(value))) for name, value in facts.items()]


def _print_diff(found: CapsuleDiff) -> None:
    console = out()
    console.print(
        table("fact", "before", "after", rows=[(e.name, e.before, e.after) for e in found.evidence])
    )
    for change in found.files:
        console.print(f"{change.change} {change.path}")
        if change.diff:
            console.print(Text(printable(change.diff)), soft_wrap=True)


def _mark(ok: bool) -> Text:
    return Text("ok", style="green") if ok else Text("FAILED", style="red")
