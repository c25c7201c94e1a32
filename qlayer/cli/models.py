"""``qlayer models``: the catalogue, and the weights on this machine."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.text import Text

from qlayer.app.settings import Settings, load_settings
from qlayer.cli.options import Json
from qlayer.cli.render import err, out, print_json, size, table
from qlayer.errors import WeightsError
from qlayer.llm.catalogue import Catalogue, embedders
from qlayer.llm.weights import Entry, PullProgress, Weights
from qlayer.types.frozen import Frozen
from qlayer.types.ids import Digest, ModelId

app = typer.Typer(no_args_is_help=True, help="Models: list, pull, remove and verify.")

Id = Annotated[str, typer.Argument(metavar="MODEL", help="A model's id; see `qlayer models ls`.")]


class ModelRow(Frozen):
    """One model and the state of its weights here."""

    id: ModelId
    name: str
    parameters_b: float
    licence: str
    context_tokens: int
    on_disk_bytes: int
    state: str
    """``ready``, ``missing``, ``unverified`` or ``partial``."""
    digest: Digest | None
    default: bool


@app.command()
def ls(as_json: Json = False) -> None:
    """List the catalogue, and what is on this machine."""
    settings = load_settings()
    weights = open_weights(settings)
    entries: list[Entry] = [*Catalogue.load(settings.catalogue).entries.values()]
    entries += embedders(settings.catalogue)
    rows = [_row(entry, weights, settings) for entry in entries]
    if as_json:
        print_json(rows)
        return
    out().print(
        table(
            *("model", "parameters", "context", "licence", "weights", "on disk"),
            rows=(
                (
                    f"{row.id}{' *' if row.default else ''}",
                    f"{row.parameters_b:g} B",
                    f"{row.context_tokens:,}",
                    row.licence,
                    Text(row.state, style="green" if row.state == "ready" else ""),
                    size(row.on_disk_bytes) if row.on_disk_bytes else "",
                )
                for row in rows
            ),
        )
    )
    out().print(f"* the default; weights are in {weights.folder}")


@app.command()
def pull(model: Id, as_json: Json = False) -> None:
    """Fetch a model's weights and verify them. One that was stopped goes on where it stopped."""
    settings = load_settings()
    entry = _entry(settings, model)
    weights = open_weights(settings)
    with Bars(quiet=as_json) as bars:
        path = weights.pull(entry, bars.show)
    row = _row(entry, weights, settings)
    if as_json:
        print_json(row)
    else:
        out().print(f"{entry.id} is ready: {path} ({size(row.on_disk_bytes)}, {row.digest})", soft_wrap=True)


@app.command()
def verify(model: Id, as_json: Json = False) -> None:
    """Hash a model's weights again and compare."""
    settings = load_settings()
    entry = _entry(settings, model)
    weights = open_weights(settings)
    with Bars(quiet=as_json) as bars:
        digest = weights.verify(entry, bars.show)
    if as_json:
        print_json(_row(entry, weights, settings))
    else:
        source = "the catalogue's digest" if entry.files[0].digest else "the digest of its first pull"
        out().print(f"{entry.id} is sound: {digest}, {source}", soft_wrap=True)


@app.command()
def rm(model: Id) -> None:
    """Delete a model's weights from this machine, unfinished downloads included."""
    settings = load_settings()
    entry = _entry(settings, model)
    freed = open_weights(settings).remove(entry)
    out().print(f"{entry.id}: {size(freed)} freed" if freed else f"{entry.id} was not on this machine")


def _entry(settings: Settings, model: str) -> Entry:
    """A language model, or an embedder for the memory. Raises `NotFoundError`."""
    embedder = next((entry for entry in embedders(settings.catalogue) if entry.id == model), None)
    return embedder or Catalogue.load(settings.catalogue).get(model)


def open_weights(settings: Settings) -> Weights:
    """The weights folder that the settings name."""
    return Weights(settings.weights, hub_url=settings.hub_url, hub_timeout_s=settings.hub_timeout_s)


def weights_state(entry: Entry, weights: Weights) -> str:
    """``ready``, ``missing``, ``unverified`` or ``partial``."""
    try:
        weights.path(entry)
        return "ready"
    except WeightsError:
        if all((weights.folder / file.name).is_file() for file in entry.files):
            return "unverified"
        return "partial" if weights.size_bytes(entry) else "missing"


def _row(entry: Entry, weights: Weights, settings: Settings) -> ModelRow:
    return ModelRow(
        id=ModelId(entry.id),
        name=entry.name,
        parameters_b=entry.parameters_b,
        licence=entry.licence,
        context_tokens=entry.context_tokens,
        on_disk_bytes=weights.size_bytes(entry),
        state=weights_state(entry, weights),
        digest=weights.digest(entry),
        default=entry.id == settings.model,
    )


class Bars:
    """One bar for each stage of a file, on stderr. Without a terminal: one line for each stage."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = err()
        self._console.quiet = quiet
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def show(self, progress: PullProgress) -> None:
        name = f"{progress.file} {progress.stage}"
        if name not in self._tasks:
            if progress.note:
                self._console.print(progress.note, soft_wrap=True)
            if not self._console.is_terminal:
                self._console.print(f"{name}: {size(progress.total_bytes)}", soft_wrap=True)
            self._tasks[name] = self._progress.add_task(name, total=progress.total_bytes)
        self._progress.update(self._tasks[name], completed=progress.done_bytes, total=progress.total_bytes)

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()
