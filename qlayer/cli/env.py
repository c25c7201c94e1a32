"""``qlayer env``: packages that are prepared for projects with a lock file."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from qlayer.app.environments import open_environments
from qlayer.app.settings import load_settings
from qlayer.cli.options import Json
from qlayer.cli.render import err, out, print_json, printable, size, table
from qlayer.errors import InputError
from qlayer.sandbox.environments.base import Prepared, Step
from qlayer.sandbox.environments.parse import MAX_BYTES, parse_lock

app = typer.Typer(no_args_is_help=True, help="Packages of projects with a lock: prepare, list and prune.")

_MiB = 1024 * 1024


@app.command()
def prepare(
    lockfile: Annotated[
        Path, typer.Argument(metavar="LOCKFILE", help="requirements.txt with hashes, or pylock.toml.")
    ],
    as_json: Json = False,
) -> None:
    """Build the packages that a lock names, unless they are there already."""
    environments = open_environments(load_settings())
    lock = parse_lock(lockfile.name, _read(lockfile))
    started = time.monotonic()
    with _Bar(quiet=as_json) as bar:
        made = asyncio.run(environments.prepare(lock, bar.show))
    found = next(each for each in environments.list() if each.id == made)
    if as_json:
        print_json(found)
        return
    seconds = time.monotonic() - started
    what = f"{len(found.packages)} packages, {size(found.bytes)}, {seconds:.2f} s"
    out().print(f"{found.id} is ready ({what})", soft_wrap=True)


@app.command()
def ls(as_json: Json = False) -> None:
    """List what is prepared on this machine, last used first."""
    rows = open_environments(load_settings()).list()
    if as_json:
        print_json(rows)
    else:
        _show(rows)


@app.command()
def prune(
    days: Annotated[
        float | None, typer.Option("--days", min=0, help="Remove what was not used for so long.")
    ] = None,
    keep_mib: Annotated[
        int | None, typer.Option("--keep-mib", min=0, help="Then the oldest, until at most so much is left.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove prepared packages; never those that a run is using."""
    if days is None and keep_mib is None:
        raise InputError("say what to remove", field="prune", hint="qlayer env prune --days 30")
    removed = open_environments(load_settings()).prune(
        older_than=timedelta(days=days) if days is not None else None,
        keep_bytes=keep_mib * _MiB if keep_mib is not None else None,
    )
    if as_json:
        print_json(removed)
        return
    freed = size(sum(each.bytes for each in removed))
    out().print(f"{len(removed)} removed, {freed} freed")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", field="LOCKFILE") from None


def _show(rows: tuple[Prepared, ...]) -> None:
    now = datetime.now(UTC)
    out().print(
        table(
            *("environment", "used", "on disk", "files", "packages"),
            rows=(
                (
                    each.id.removeprefix("sha256:")[:12],
                    _ago(now - each.used_at),
                    size(each.bytes),
                    f"{each.files:,}",
                    printable(", ".join(each.packages)),
                )
                for each in rows
            ),
        )
    )


def _ago(age: timedelta) -> str:
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days ago"


class _Bar:
    """A progress bar on stderr; nothing when quiet."""

    def __init__(self, quiet: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._progress = Progress(*columns, console=err(), transient=True, disable=quiet)
        self._task = self._progress.add_task("preparing", total=None)

    def show(self, step: Step) -> None:
        text = printable(step.package) or "compiling"
        self._progress.update(self._task, description=text, completed=step.done, total=step.of)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
