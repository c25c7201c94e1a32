"""``qlayer session``: an interpreter in the sandbox that stays, for trying things out line by line."""

from __future__ import annotations

import asyncio
import codecs
import codeop
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from qlayer.app.settings import Settings, load_settings
from qlayer.cli.options import Json
from qlayer.cli.render import err, printable
from qlayer.cli.validate import read_project
from qlayer.sandbox.sessions.base import (
    Chunk,
    Ended,
    Execution,
    PythonSource,
    Session,
    SessionHost,
    SessionLimits,
    SessionSpec,
    ShellCommand,
)
from qlayer.sandbox.sessions.warm import WarmSessions
from qlayer.types.ids import canonical_json
from qlayer.types.source import SourceTree

_DAY_S = 86_400.0
_PROMPT, _MORE = ">>> ", "... "
_HELP = "Python line by line; !COMMAND is for the shell; end with Ctrl-D."


def make_sessions(settings: Settings) -> AbstractAsyncContextManager[SessionHost]:
    """The host of the one session; tests put their own in its place."""
    return WarmSessions(settings.warm, most=1)


def session(
    path: Annotated[
        Path | None, typer.Argument(help="A file or folder to be copied into the session's own folder.")
    ] = None,
    execute: Annotated[
        list[str] | None,
        typer.Option("--exec", metavar="CODE", help="Execute this and end; !COMMAND: the shell. Repeatable."),
    ] = None,
    wall_s: Annotated[float, typer.Option("--wall", min=0.1, max=3600, help="Seconds for each.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Open a session in the sandbox: names and files stay from one line to the next.

    Without a terminal the lines come from stdin. Ends with the status of what was executed last.
    """
    tree = read_project(path) if path is not None else SourceTree()
    limits = SessionLimits(exec_wall_s=wall_s, idle_s=_DAY_S, lifetime_s=_DAY_S)
    spec = SessionSpec(tree=tree, limits=limits)
    raise typer.Exit(asyncio.run(_serve(load_settings(), spec, execute, as_json)))


async def _serve(settings: Settings, spec: SessionSpec, codes: list[str] | None, as_json: bool) -> int:
    status = 0
    async with make_sessions(settings) as host:
        opened = await host.open(spec)
        interactive = codes is None and sys.stdin.isatty()
        if interactive:
            err().print(f"session in tier {opened.info.tier.value}. {_HELP}")
        inputs = _given(codes) if codes is not None else _typed(interactive)
        async for execution in inputs:
            status = (await _execute(opened, execution, as_json)).status
    return min(status, 255)


async def _given(codes: Iterable[str]) -> AsyncIterator[Execution]:
    for code in codes:
        yield _execution(code)


async def _typed(interactive: bool) -> AsyncIterator[Execution]:
    """Whole statements: as in Python's own shell an empty line ends a block."""
    text = ""
    while True:
        if interactive:
            err().print(_MORE if text else _PROMPT, end="")
            await _stdin_ready()
        line = sys.stdin.readline()
        text += line
        if line and not _is_whole(text):
            continue
        if text.strip():
            yield _execution(text)
        text = ""
        if not line:
            return


def _is_whole(text: str) -> bool:
    if text.startswith("!"):
        return True
    try:
        return codeop.compile_command(text.removesuffix("\n")) is not None
    except (SyntaxError, ValueError, OverflowError):
        return True  # the session will say what is wrong with it


def _execution(text: str) -> Execution:
    if text.startswith("!"):
        return ShellCommand(command=text[1:].strip())
    return PythonSource(source=text)


async def _stdin_ready() -> None:
    """Wait for a line in the loop, so that Ctrl-C ends the wait."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin)


async def _execute(opened: Session, execution: Execution, as_json: bool) -> Ended:
    """Output goes on as it comes, or at the end in one line of JSON."""
    decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in ("stdout", "stderr")}
    written = dict.fromkeys(decoders, "")
    ended = Ended(status=1)
    async for event in opened.execute(execution):
        if isinstance(event, Ended):
            ended = event
        elif isinstance(event, Chunk):
            text = decoders[event.stream].decode(event.data)
            written[event.stream] += text if as_json else ""
            if not as_json:
                typer.echo(printable(text), nl=False, err=event.stream == "stderr")
    if as_json:
        record: dict[str, Any] = {**written, **ended.model_dump(mode="json")}
        typer.echo(canonical_json(record).decode())
    elif ended.timed_out:
        err().print(f"interrupted after {ended.wall_s:.1f} s", style="yellow")
    if ended.truncated and not as_json:
        err().print("it wrote more than is kept; the rest was dropped", style="yellow")
    return ended
