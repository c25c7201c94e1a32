"""``qlayer memory``: what was learned from corrections, to be seen, removed and exported."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from qlayer.app.build import Storage, build_learning, open_storage
from qlayer.app.settings import Settings, load_settings
from qlayer.cli.options import Json
from qlayer.cli.render import out, print_json, printable, table
from qlayer.errors import InputError
from qlayer.memory.export import training_data
from qlayer.memory.secrets import secrets_in
from qlayer.pipeline.learning import Learning
from qlayer.types.frozen import Frozen
from qlayer.types.memory import Correction, MemoryId, Rule

app = typer.Typer(no_args_is_help=True, help="The memory: what runs learn from people's corrections.")

Id = Annotated[str, typer.Argument(metavar="MEMORY", help="An id, or the beginning of one.")]
MAX_CELL = 60


class MemoryRow(Frozen):
    """One correction or rule."""

    id: MemoryId
    kind: Literal["correction", "rule"]
    what: str
    """A correction's function and the first line of its brief; a rule's fix."""
    mistake: str
    who: str
    """Of a rule: all whose corrections it follows from."""
    at: datetime
    """Of a rule: of its latest evidence."""
    used: int
    """In how many runs."""


class MemoryList(Frozen):
    """Everything in the memory."""

    retrieval: str
    """The similarity by which corrections like a task are found."""
    memories: tuple[MemoryRow, ...]


@app.command()
def ls(as_json: Json = False) -> None:
    """List rules and corrections, and in how many runs each was used."""
    found = asyncio.run(_list(load_settings()))
    if as_json:
        print_json(found)
        return
    out().print(
        table(
            *("memory", "what", "mistake", "who", "when", "used"),
            rows=(
                (
                    row.id,
                    Text(_cut(row.what)),
                    Text(_cut(row.mistake)),
                    Text(printable(row.who)),
                    f"{row.at:%Y-%m-%d %H:%M}",
                    f"{row.used} runs" if row.used != 1 else "1 run",
                )
                for row in found.memories
            ),
        )
    )
    out().print(f"corrections like a task are found by: {found.retrieval}")


@app.command()
def show(memory: Id, as_json: Json = False) -> None:
    """Show a correction with what it changed, or a rule with its evidence."""
    found = asyncio.run(_find(load_settings(), memory))
    if as_json:
        print_json(found)
    elif isinstance(found, Rule):
        rows = [
            ("fix", str(found.fix)),
            ("mistake", found.signature),
            ("evidence", ", ".join(found.evidence)),
        ]
        out().print(
            table("fact", "value", rows=((name, Text(printable(v))) for name, v in rows), title=found.id)
        )
    else:
        out().print(table("fact", "value", rows=_facts(found), title=found.id))
        out().print(Text(printable(_diff(found))), soft_wrap=True)


@app.command()
def rm(
    memories: Annotated[list[str], typer.Argument(metavar="MEMORY...", help="Ids, or their beginnings.")],
) -> None:
    """Remove corrections or rules. A rule whose correction goes may go with it."""
    for removed in asyncio.run(_remove(load_settings(), memories)):
        out().print(f"{removed} is forgotten")


@app.command()
def export(
    destination: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="A folder.")],
    as_json: Json = False,
) -> None:
    """Write all corrections as sft.jsonl and dpo.jsonl, to train on. What holds a secret is left out."""
    data = training_data(asyncio.run(_corrections(load_settings())), secrets_in)
    _write(destination, {"sft.jsonl": data.sft, "dpo.jsonl": data.dpo})
    if as_json:
        print_json(data.report)
        return
    out().print(f"{data.report.sft} lines in {destination / 'sft.jsonl'}", soft_wrap=True)
    out().print(f"{data.report.dpo} lines in {destination / 'dpo.jsonl'}", soft_wrap=True)
    for item in data.report.left_out:
        out().print(f"left out {item.memory}: {item.reason}", style="yellow", soft_wrap=True)


async def _list(settings: Settings) -> MemoryList:
    async with open_storage(settings) as storage:
        learning = build_learning(settings, storage.memories)
        corrections = {correction.id: correction for correction in await storage.memories.corrections()}
        uses = await storage.memories.uses()
        rules = [_rule_row(rule, corrections, uses.get(rule.id, 0)) for rule in await learning.rules()]
        rows = [_row(correction, uses.get(correction.id, 0)) for correction in reversed(corrections.values())]
        name = learning.similarity.name if settings.memory != "off" else "off: runs use no corrections"
        return MemoryList(retrieval=name, memories=(*rules, *rows))


async def _find(settings: Settings, text: str) -> Correction | Rule:
    async with open_storage(settings) as storage:
        return await _learning(settings, storage).find(text)


async def _remove(settings: Settings, texts: list[str]) -> list[MemoryId]:
    async with open_storage(settings) as storage:
        learning = _learning(settings, storage)
        found = [(await learning.find(text)).id for text in texts]
        for memory in found:
            await storage.memories.forget(memory)
        return found


async def _corrections(settings: Settings) -> tuple[Correction, ...]:
    async with open_storage(settings) as storage:
        return await storage.memories.corrections()


def _write(destination: Path, files: Mapping[str, bytes]) -> None:
    try:
        destination.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (destination / name).write_bytes(content)
    except OSError as error:
        raise InputError(f"{destination} cannot be written: {error.strerror}", field="--out") from None


def _learning(settings: Settings, storage: Storage) -> Learning:
    return build_learning(settings, storage.memories)


def _row(correction: Correction, used: int) -> MemoryRow:
    title = correction.brief.partition("\n")[2].strip().partition("\n")[0]
    return MemoryRow(
        id=correction.id,
        kind="correction",
        what=f"{correction.slot}: {title}" if title else correction.slot,
        mistake=correction.mistake.signature,
        who=correction.who,
        at=correction.at,
        used=used,
    )


def _rule_row(rule: Rule, corrections: dict[MemoryId, Correction], used: int) -> MemoryRow:
    evidence = [corrections[memory] for memory in rule.evidence]
    return MemoryRow(
        id=rule.id,
        kind="rule",
        what=str(rule.fix),
        mistake=rule.signature,
        who=", ".join(sorted({correction.who for correction in evidence})),
        at=max(correction.at for correction in evidence),
        used=used,
    )


def _facts(found: Correction) -> list[tuple[str, Text]]:
    facts = {
        "function": f"{found.slot} (template {found.template})",
        "brief": found.brief,
        "mistake": f"{found.mistake.signature}: {found.mistake.message}",
        "mechanical fix": str(found.fix) if found.fix is not None else "none",
        "before": f"{found.before.level or 'no level'}, {'allowed' if found.before.allow else 'not allowed'}",
        "after": f"{found.after.level or 'no level'}, {'allowed' if found.after.allow else 'not allowed'}",
        "lost": ", ".join(found.lost) or "nothing",
        "capsule": f"{found.capsule} -> {found.corrected}",
        "run": found.run_id,
        "by": f"{found.who}, {found.at:%Y-%m-%d %H:%M:%S}",
    }
    return [(name, Text(printable(value))) for name, value in facts.items()]


def _diff(found: Correction) -> str:
    sides = (found.wrong.splitlines(), found.right.splitlines())
    return "\n".join(difflib.unified_diff(*sides, "wrong", "right", lineterm=""))


def _cut(text: str) -> str:
    line = " ".join(printable(text).split())
    return line if len(line) <= MAX_CELL else f"{line[: MAX_CELL - 1]}…"
