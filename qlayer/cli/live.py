"""Three ways to watch a run: a live view on a terminal, plain lines into a pipe, and silence for scripts."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from qlayer.cli.narrate import sentence
from qlayer.cli.progress import RunProgress
from qlayer.cli.question import NO_REPLY, Reply, ask_person
from qlayer.cli.render import checks_table, printable
from qlayer.events.base import LiveText
from qlayer.types.choice import Asked
from qlayer.types.run import RunEvent

LOG_LINES = 6
MAX_TEXT_LINES = 16
"""How much of what the model writes is in view, on a terminal that is high enough."""
BAR_COLUMNS = 32


class View(Protocol):
    """Shows a run. Use as a context manager; it gives the terminal back on leaving."""

    def show(self, event: RunEvent | LiveText) -> None: ...

    def note(self, text: str) -> None:
        """Something about the watching itself, for example a lost connection."""
        ...

    async def ask(self, asked: Asked) -> Reply:
        """Put a run's question to the person who watches, if there is one."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def view_for(console: Console, *, quiet: bool, clock: Callable[[], float] = time.monotonic) -> View:
    """The view that fits where the output goes."""
    if quiet:
        return SilentView()
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveView(console, clock)
    return PlainView(console)


class SilentView:
    """Shows nothing."""

    def show(self, event: RunEvent | LiveText) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    async def ask(self, asked: Asked) -> Reply:
        """Nobody is there to answer."""
        return NO_REPLY

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to give back."""


class PlainView(SilentView):
    """One line for each event; live text is left out."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, event: RunEvent | LiveText) -> None:
        if isinstance(event, RunEvent):
            self._console.print(f"{event.at:%H:%M:%S} {sentence(event.body)}", soft_wrap=True)

    def note(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)


class LiveView:
    """The last events, streaming text, verdicts and two budget bars, redrawn in place.

    Nothing is printed above the frame while it is redrawn; the whole log is printed when it is gone.
    """

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._log: list[str] = []
        self._begun = clock()
        self._progress = RunProgress()
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=8, transient=True)

    def show(self, event: RunEvent | LiveText) -> None:
        self._progress.show(event)
        if isinstance(event, RunEvent):
            self.note(f"{event.at:%H:%M:%S} {sentence(event.body)}")

    def note(self, text: str) -> None:
        self._log.append(text)

    async def ask(self, asked: Asked) -> Reply:
        """The frame is taken away while the person thinks."""
        self._live.stop()
        try:
            return await ask_person(self._console, asked)
        finally:
            self._live.start()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()
        for line in self._log:
            self._console.print(Text(line, style="dim"))

    def _render(self) -> RenderableType:
        checks = self._progress.checks
        parts: list[RenderableType] = [
            Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in self._log[-LOG_LINES:]
        ]
        if self._progress.writing:
            parts.append(self._writing(self._console.height - LOG_LINES - len(checks) - 7))
        if checks:
            parts.append(checks_table(checks.values()))
        if self._progress.tries:
            parts.append(_tries(self._progress))
        return Group(*parts, self._bars())

    def _writing(self, room: int) -> Panel:
        lines = printable(self._progress.text).splitlines()[-max(3, min(MAX_TEXT_LINES, room)) :]
        title = Text(f"writing {self._progress.writing}")
        return Panel(Text("\n".join(lines), overflow="crop", no_wrap=True), title=title, title_align="left")

    def _bars(self) -> Table:
        budget, seconds = self._progress.budget, self._clock() - self._begun
        grid = Table.grid(padding=(0, 1))
        grid.add_row(
            "tokens",
            _bar(self._progress.tokens, budget.tokens),
            f"{self._progress.tokens} of {budget.tokens}",
        )
        grid.add_row("seconds", _bar(seconds, budget.seconds), f"{seconds:.0f} of {budget.seconds:g}")
        return grid


def _tries(progress: RunProgress) -> Text:
    """What became of each try, and which of them do the same."""
    line = Text("tries")
    for attempt, state in sorted(progress.tries.items()):
        line.append(f"  {attempt + 1}: {state}", style="bold" if attempt == progress.chosen else "")
    if progress.alike:
        groups = " | ".join(" ".join(str(attempt + 1) for attempt in group) for group in progress.alike)
        line.append(f"  alike: {groups}")
    return line


def _bar(done: float, total: float) -> ProgressBar:
    return ProgressBar(total=total, completed=min(done, total), width=BAR_COLUMNS)
