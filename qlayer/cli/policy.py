"""``qlayer policy``: what may be released where, why not, and whether the rules do what their cases say."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from qlayer.app.build import open_storage
from qlayer.app.settings import Settings, load_settings
from qlayer.cli.options import Json
from qlayer.cli.render import out, print_json, printable, short, table
from qlayer.governance.policy import SHIPPED, Policy
from qlayer.packaging.facts import release_facts
from qlayer.signing.key_file import KeyFolder
from qlayer.store.clock import utc_now
from qlayer.types.policy import PolicyDecision

app = typer.Typer(no_args_is_help=True, help="Release policies in Rego: explain decisions, test rules.")

Folder = Annotated[
    Path | None, typer.Option("--policies", metavar="DIR", help="Default: the configured ones.")
]


@app.command()
def explain(
    capsule: Annotated[str, typer.Argument(metavar="CAPSULE", help="An id, or at least 6 hex digits of it.")],
    environment: Annotated[str, typer.Option("--env", help="Where it is to be released to.")] = "production",
    policies: Folder = None,
    as_json: Json = False,
) -> None:
    """Say whether a capsule may be released, and why not. Ends with status 1 when it may not."""
    settings = load_settings()
    decision = asyncio.run(_decide(settings, Policy(_folder(settings, policies)), capsule, environment))
    if as_json:
        print_json(decision)
    else:
        _print(decision)
    raise typer.Exit(0 if decision.allow else 1)


@app.command("test")
def run_cases(policies: Folder = None, as_json: Json = False) -> None:
    """Decide every case of the policy's own tests. Ends with status 1 when one is decided otherwise."""
    found = Policy(_folder(load_settings(), policies)).test()
    if as_json:
        print_json(found)
    else:
        rows = ((_mark(one.passed), one.name, Text(printable(one.problem))) for one in found)
        out().print(table("", "case", "decided instead", rows=rows))
        out().print(f"{sum(one.passed for one in found)} of {len(found)} as expected")
    raise typer.Exit(0 if found and all(one.passed for one in found) else 1)


def _folder(settings: Settings, given: Path | None) -> Path:
    return given or settings.policies or SHIPPED


async def _decide(settings: Settings, policy: Policy, prefix: str, environment: str) -> PolicyDecision:
    trust = KeyFolder(settings.keys_dir).trust()
    async with open_storage(settings) as storage:
        found = await storage.records.find_capsule(prefix)
        facts = await release_facts(
            found.id, environment, storage.capsules, storage.attestations, trust, utc_now()
        )
    return policy.decide(facts)


def _print(decision: PolicyDecision) -> None:
    console = out()
    verdict = Text("allowed", style="green") if decision.allow else Text("denied", style="red")
    console.print(f"{short(decision.capsule)} to {decision.environment}:", verdict)
    for reason in decision.reasons:
        console.print(Text(f"- {printable(reason)}"), soft_wrap=True)


def _mark(ok: bool) -> Text:
    return Text("ok", style="green") if ok else Text("FAILED", style="red")
