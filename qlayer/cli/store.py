"""``qlayer store``: what is kept, what may go, what is damaged, and links to single blobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from qlayer.app.settings import load_settings
from qlayer.app.upkeep import open_upkeep
from qlayer.cli.options import Json
from qlayer.cli.render import err, out, print_json, size, table
from qlayer.errors import ConfigurationError
from qlayer.packaging.upkeep import Stock, Upkeep
from qlayer.store.blobs import open_blobs
from qlayer.store.bucket import BucketBlobs, BucketFacts
from qlayer.store.keys import check_digest
from qlayer.store.sweeping import GRACE, Collected, Heap, Scrubbed
from qlayer.store.sweeping import Progress as OnProgress
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest

app = typer.Typer(no_args_is_help=True, help="The store: what it holds, garbage, integrity, links.")

_Result = TypeVar("_Result")


class StoreStats(Frozen):
    """What is kept, and where."""

    place: str
    stock: Stock
    shared: float
    """How many times smaller the capsules' files lie there than they are named."""
    bucket: BucketFacts | None = None
    """None for a directory."""


class Link(Frozen):
    """A URL that reads one blob without credentials."""

    digest: Digest
    url: str
    valid_s: int


@app.command()
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    grace: Annotated[
        float, typer.Option(metavar="HOURS", min=0, help="What was written within is left alone.")
    ] = GRACE.total_seconds() / 3600,
    as_json: Json = False,
) -> None:
    """Set aside what no record and no capsule references; remove what was set aside a grace period ago.

    Ctrl-C at any time: the next one goes on. A blob in the trash comes back when it is read.
    """
    hours = timedelta(hours=grace)
    done = _run(lambda kept, show: kept.collect(grace=hours, dry_run=dry_run, progress=show), as_json)
    if as_json:
        print_json(done)
    else:
        _tell_collected(done)


@app.command()
def scrub(as_json: Json = False) -> None:
    """Read and hash every blob; quarantine what is damaged, name what is missing: status 1 then."""
    found = _run(lambda kept, show: kept.scrub(progress=show), as_json)
    if as_json:
        print_json(found)
    else:
        _tell_scrubbed(found)
    raise typer.Exit(0 if found.ok else 1)


@app.command()
def stats(as_json: Json = False) -> None:
    """Count and weigh what is kept, and how much is shared between capsules."""
    config = load_settings().store
    stock = _run(lambda kept, show: kept.stock(progress=show), as_json)
    blobs = open_blobs(config)
    facts = asyncio.run(blobs.facts()) if isinstance(blobs, BucketBlobs) else None
    shown = StoreStats(place=config.blobs_url, stock=stock, shared=round(stock.shared, 2), bucket=facts)
    if as_json:
        print_json(shown)
    else:
        out().print(table("what", "blobs", "size", rows=_weights(stock), title=shown.place))
        out().print(_summary(shown))


@app.command()
def link(
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="sha256: and 64 hex digits.")],
    seconds: Annotated[int, typer.Option(min=1, help="How long it holds; at most a week.")] = 3600,
    as_json: Json = False,
) -> None:
    """Print a link by which anybody can read one blob of a bucket until it ends."""
    wanted = check_digest(Digest(digest))
    blobs = open_blobs(load_settings().store)
    if not isinstance(blobs, BucketBlobs):
        raise ConfigurationError(
            "a directory has no links", hint="set QLAYER_BLOBS_URL to s3://bucket/prefix"
        )
    made = Link(digest=wanted, url=asyncio.run(blobs.link(wanted, seconds)), valid_s=seconds)
    if as_json:
        print_json(made)
    else:
        typer.echo(made.url)


def _run(work: Callable[[Upkeep, OnProgress], Awaitable[_Result]], quiet: bool) -> _Result:
    async def with_upkeep() -> _Result:
        async with open_upkeep(load_settings()) as kept:
            with _progress(quiet) as show:
                return await work(kept, show)

    return asyncio.run(with_upkeep())


@contextmanager
def _progress(quiet: bool) -> Iterator[OnProgress]:
    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("listing", total=None)

        def show(doing: str, done: int, of: int) -> None:
            bar.update(task, description=doing, completed=done, total=of)

        yield show


def _tell_collected(done: Collected) -> None:
    would = "would be " if done.dry_run else ""
    rows = (
        ("referenced, kept", done.referenced),
        ("young, left alone", done.young),
        (f"{would}set aside in the trash", done.set_aside),
        (f"{would}brought back from the trash", done.brought_back),
        (f"{would}removed from the trash", done.purged),
    )
    out().print(table("what", "blobs", "size", rows=[_row(name, heap) for name, heap in rows]))
    if done.uploads_cleared:
        out().print(f"{done.uploads_cleared} half-written by killed writers removed")


def _tell_scrubbed(found: Scrubbed) -> None:
    out().print(table("what", "blobs", "size", rows=[_row("intact", found.intact)]))
    for digest in found.damaged:
        out().print(Text(f"damaged, set aside: {digest}", style="red"), soft_wrap=True)
    for digest in found.missing:
        out().print(Text(f"missing: {digest}", style="red"), soft_wrap=True)


def _weights(stock: Stock) -> list[tuple[str, str, str]]:
    heaps = {"blobs": stock.blobs, "trash": stock.trash, "quarantine": stock.quarantine}
    return [_row(name, heap) for name, heap in heaps.items()]


def _row(name: str, heap: Heap) -> tuple[str, str, str]:
    return name, f"{heap.blobs:,}", size(heap.bytes)


def _summary(shown: StoreStats) -> str:
    told = f"{shown.stock.capsules:,} capsules; their files are shared {shown.shared:.1f} times"
    if shown.bucket is not None:
        on = {True: "on", False: "off"}
        told += f"; versioning {on[shown.bucket.versioning]}, object lock {on[shown.bucket.object_lock]}"
    return told
