"""How far an evaluation is: a bar on a terminal, a line per ten items elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jobs.ledger import LedgerRow

Row = TypeVar("Row", bound=LedgerRow)
EVERY = 10
"""Items a line where there is no terminal."""


class ProgressLine(Generic[Row]):
    """On stderr. `say` puts the rows of this session into words; `quiet` says nothing at all."""

    def __init__(self, say: Callable[[Sequence[Row]], str], *, quiet: bool) -> None:
        self._console = Console(stderr=True)
        self._say, self._quiet = say, quiet
        self._rows: list[Row] = []
        self._total = self._done = 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("items", total=None)

    @contextmanager
    def of(self, total: int, *, done: int) -> Iterator[None]:
        """Shown within the block; `done` items were finished before."""
        self._total, self._done = total, done
        self._bar.update(self._task, total=total, completed=done)
        with self._bar:
            yield

    def advance(self, row: Row) -> None:
        self._done += 1
        self._rows.append(row)
        text = self._say(self._rows)
        self._bar.update(self._task, completed=self._done, description=text)
        plain = not self._quiet and not self._console.is_terminal
        if plain and (self._done % EVERY == 0 or self._done == self._total):
            self._console.print(f"{self._done}/{self._total}  {text}", highlight=False)
