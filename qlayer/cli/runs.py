"""``qlayer runs``: what was asked for, how it went, and carrying on what was stopped."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.text import Text

from qlayer.app.build import open_storage
from qlayer.app.settings import Settings, load_settings
from qlayer.cli.carrying import carry_out, open_runs, server_url, watch
from qlayer.cli.live import View, view_for
from qlayer.cli.narrate import sentence
from qlayer.cli.options import Api, Json, Limit, Local
from qlayer.cli.outcome import exit_code, result_panel
from qlayer.cli.progress import RunProgress, RunResult
from qlayer.cli.remote import remote_runs
from qlayer.cli.render import err, out, print_json, printable, short, table
from qlayer.errors import ConflictError
from qlayer.pipeline.ending import cancel_run
from qlayer.types.ids import RunId
from qlayer.types.run import RunRecord, RunStatus, RunSummary

app = typer.Typer(no_args_is_help=True, help="Runs: list, show, follow, resume and cancel.")

Id = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, for example run-0198c0ffee00-1a2b3c4d.")]

_STYLES = {RunStatus.SUCCEEDED: "green", RunStatus.FAILED: "red", RunStatus.CANCELLED: "yellow"}


@app.command()
def ls(limit: Limit = 20, as_json: Json = False) -> None:
    """List runs, newest first."""
    rows = asyncio.run(_list(load_settings(), limit))
    if as_json:
        print_json(rows)
        return
    out().print(
        table(
            *("run", "asked", "status", "capsule", "request"),
            rows=(
                (
                    row.id,
                    f"{row.created_at:%Y-%m-%d %H:%M}",
                    Text(row.status, style=_STYLES.get(row.status, "")),
                    short(row.capsule) if row.capsule else "",
                    Text(printable(row.title)),
                )
                for row in rows
            ),
        )
    )


@app.command()
def show(run_id: Id, as_json: Json = False) -> None:
    """Show one run, event by event."""
    record = asyncio.run(_record(load_settings(), RunId(run_id)))
    if as_json:
        print_json(record)
        return
    console = out()
    console.print(f"{record.id}: {record.status}, {record.usage.completion_tokens} tokens")
    rows = (
        (str(event.seq), f"{event.at:%Y-%m-%d %H:%M:%S}", Text(sentence(event.body)))
        for event in record.events
    )
    console.print(table("event", "at", "what", rows=rows))
    result = _result(record)
    if result is not None:
        console.print(result_panel(result))


@app.command()
def follow(run_id: Id, as_json: Json = False, local: Local = False, api: Api = None) -> None:
    """Follow a run until it ends; Ctrl-C stops the following, not the run."""
    settings = load_settings()
    url = server_url(settings, api=api, local=local)
    _report(asyncio.run(_follow(settings, url, RunId(run_id), view_for(err(), quiet=as_json))), as_json)


@app.command()
def resume(run_id: Id, as_json: Json = False) -> None:
    """Carry on a stopped run in this process, from its last finished step."""
    _report(asyncio.run(_resume(load_settings(), RunId(run_id), view_for(err(), quiet=as_json))), as_json)


@app.command()
def cancel(run_id: Id, local: Local = False, api: Api = None) -> None:
    """End a run for good. What it recorded stays."""
    settings = load_settings()
    asyncio.run(_cancel(settings, server_url(settings, api=api, local=local), RunId(run_id)))
    out().print(f"{run_id} is asked to stop")


async def _list(settings: Settings, limit: int) -> tuple[RunSummary, ...]:
    async with open_storage(settings) as storage:
        return await storage.records.runs(limit=limit)


async def _record(settings: Settings, run_id: RunId) -> RunRecord:
    async with open_storage(settings) as storage:
        return await storage.records.run(run_id)


async def _follow(settings: Settings, url: str | None, run_id: RunId, view: View) -> RunResult:
    with view:
        if url is not None:
            async with remote_runs(url, view.note) as runs:
                return await watch(runs.carry(run_id), view)
        async with open_storage(settings) as storage:
            record = await storage.records.run(run_id)
            if run_id in await storage.records.unfinished(record.request.origin):
                view.note(f"nobody works on it now; `qlayer runs resume {run_id}` carries it on")
            return await watch(storage.feed.follow(run_id), view)


async def _resume(settings: Settings, run_id: RunId, view: View) -> RunResult:
    record = await _record(settings, run_id)
    result = _result(record)
    if result is not None:
        return result
    settings = load_settings(model=record.request.model)
    with view:
        async with open_runs(settings, None, view) as runs:
            try:
                return await carry_out(runs, run_id, view)
            except ConflictError as error:
                error.hint = (
                    f"if that process died, its lease ends within {settings.lease_ttl_s:g} s: try again then"
                )
                raise


async def _cancel(settings: Settings, url: str | None, run_id: RunId) -> None:
    if url is not None:
        async with remote_runs(url, err().print) as runs:
            await runs.cancel(run_id)
        return
    async with open_storage(settings) as storage:
        await cancel_run(storage.records, run_id, lease_ttl_s=settings.lease_ttl_s)


def _result(record: RunRecord) -> RunResult | None:
    progress = RunProgress()
    for event in record.events:
        progress.show(event)
    return progress.result


def _report(result: RunResult, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        out().print(result_panel(result))
    raise typer.Exit(exit_code(result))
