"""``qlayer release``: capsules under names and versions, and which version is in use."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.markdown import Markdown
from rich.text import Text

from qlayer.app.build import Storage, build_gate, open_storage
from qlayer.app.settings import load_settings
from qlayer.cli.options import Json, Limit
from qlayer.cli.render import out, print_json, printable, short, table
from qlayer.packaging.publishing import Published, Publishing
from qlayer.store.clock import utc_now
from qlayer.types.release import Release

app = typer.Typer(no_args_is_help=True, help="Releases: publish, list, show, tag and roll back.")

_Result = TypeVar("_Result")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits and dashes.")]
Who = Annotated[str | None, typer.Option(help="Who does it. Default: the user's name.")]


@app.command()
def publish(
    capsule: Annotated[str, typer.Argument(metavar="CAPSULE", help="An id, or at least 6 hex digits of it.")],
    name: Name,
    version: Annotated[
        str | None, typer.Option(help="A semantic version. Default: decided from what changed.")
    ] = None,
    environment: Annotated[
        str | None, typer.Option("--env", help="Also put it into use there, if the policy allows it.")
    ] = None,
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Publish a capsule as the next version of a name, and put that version into use."""

    async def work(storage: Storage) -> Release:
        found = await storage.records.find_capsule(capsule)
        publishing, by = _publishing(storage), who or getpass.getuser()
        done = await publishing.publish(found.id, name, by, version=version)
        return done if environment is None else await publishing.tag(name, environment, done.version, by)

    _tell(_run(work), as_json, "published")


@app.command()
def ls(limit: Limit = 20, as_json: Json = False) -> None:
    """List names with their newest version, the last published first."""
    rows = _run(lambda storage: storage.releases.newest(limit=limit))
    if as_json:
        print_json(rows)
        return
    shown = (
        (
            one.name,
            one.version,
            one.change,
            f"{one.at:%Y-%m-%d %H:%M}",
            short(one.capsule),
            printable(one.who),
        )
        for one in rows
    )
    out().print(table("name", "newest", "change", "published", "capsule", "by", rows=shown))


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show every version of a name, what is in use, and the newest version's notes."""
    known = _run(lambda storage: _publishing(storage).published(name))
    if as_json:
        print_json(known)
        return
    console = out()
    console.print(table("version", "change", "published", "capsule", "points here", rows=_versions(known)))
    console.print(Markdown(printable(known.releases[0].notes)))


@app.command()
def tag(
    name: Name,
    version: Annotated[str, typer.Argument(metavar="VERSION")],
    pointer: Annotated[str, typer.Argument(metavar="TAG", help="For example stable.")],
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Point a tag to a version. Every move is kept.

    A tag named after an environment of the release policy moves only when the policy allows it.
    """
    done = _run(lambda storage: _publishing(storage).tag(name, pointer, version, who or getpass.getuser()))
    _tell(done, as_json, f"{pointer} is now")


@app.command()
def rollback(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why, as a sentence; kept with the move.")],
    to: Annotated[str | None, typer.Option(help="A version. Default: the one before the current.")] = None,
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Put an older version back into use. Nothing is removed."""
    done = _run(lambda storage: _publishing(storage).roll_back(name, who or getpass.getuser(), reason, to=to))
    _tell(done, as_json, "back to")


def _publishing(storage: Storage) -> Publishing:
    gate = build_gate(load_settings(), storage)
    return Publishing(storage.capsules, storage.releases, utc_now, gate)


def _run(work: Callable[[Storage], Awaitable[_Result]]) -> _Result:
    async def with_storage() -> _Result:
        async with open_storage(load_settings()) as storage:
            return await work(storage)

    return asyncio.run(with_storage())


def _tell(release: Release, as_json: bool, done: str) -> None:
    if as_json:
        print_json(release)
        return
    why = "; ".join(release.reasons[:3])
    out().print(f"{done}: {release} ({release.change}: {printable(why)})", soft_wrap=True)


def _versions(known: Published) -> list[tuple[str | Text, ...]]:
    pointing = {
        version: ", ".join(sorted(p for p, v in known.pointers.items() if v == version))
        for version in known.pointers.values()
    }
    return [
        (one.version, one.change, *_published(one), Text(pointing.get(one.version, ""), style="green"))
        for one in known.releases
    ]


def _published(release: Release) -> tuple[str, str]:
    return f"{release.at:%Y-%m-%d %H:%M}", short(release.capsule)
