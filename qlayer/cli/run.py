"""``qlayer run``: one program file in the sandbox, its output here, its verdict beside it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.text import Text

from qlayer.app.build import build_sandbox
from qlayer.app.settings import Settings, load_settings
from qlayer.cli.options import Json
from qlayer.cli.render import err, print_json, printable, size, table
from qlayer.cli.request import bounds_told
from qlayer.errors import InputError
from qlayer.sandbox.base import Limits, MiB, OutputMatch, ProgramJob, SandboxResult
from qlayer.types.frozen import Frozen
from qlayer.types.language import BY_SUFFIX, Language
from qlayer.types.source import MAX_FILE_BYTES, SourceTree
from qlayer.types.usage import ResourceUsage
from qlayer.types.verdict import Verdict


class RunReport(Frozen):
    """What ``--json`` prints."""

    verdict: Verdict
    usage: ResourceUsage
    stdout: str
    """Undecodable bytes replaced."""
    stderr: str


def run(
    file: Annotated[Path, typer.Argument(help="The program; its language is told by its suffix.")],
    argv: Annotated[list[str] | None, typer.Argument(help="Arguments of the program, after --.")] = None,
    stdin: Annotated[Path | None, typer.Option(help="File that the program reads as its stdin.")] = None,
    expect: Annotated[Path | None, typer.Option(help="File with the stdout that it must print.")] = None,
    match: Annotated[OutputMatch, typer.Option(help="How stdout is compared.")] = OutputMatch.LINES,
    wall_s: Annotated[float, typer.Option(help="Seconds by the clock.")] = 10.0,
    cpu_s: Annotated[float, typer.Option(help="CPU seconds.")] = 5.0,
    memory_mb: Annotated[int, typer.Option(help="MiB of memory, all processes together.")] = 512,
    output_kb: Annotated[int, typer.Option(help="KiB of stdout and stderr.")] = 1024,
    processes: Annotated[int, typer.Option(help="Processes and threads at once.")] = 64,
    as_json: Json = False,
) -> None:
    """Run a program in the sandbox. Status 0: accepted; 1: any other verdict; 2: bad input.

    Without --expect it is accepted when it ends by itself with status 0.
    """
    limits = _limits(
        wall_s=wall_s,
        cpu_s=cpu_s,
        memory_bytes=memory_mb * MiB,
        output_bytes=output_kb * 1024,
        processes=processes,
    )
    job = ProgramJob(
        tree=_tree(file),
        path=file.name,
        language=_language(file),
        argv=tuple(argv or ()),
        stdin=b"" if stdin is None else _read(stdin, "--stdin"),
        expected_stdout=None if expect is None else _read(expect, "--expect"),
        output_match=match,
    )
    result = asyncio.run(_run(load_settings(), job, limits))
    if as_json:
        print_json(_report(result))
    else:
        _print(result)
    raise typer.Exit(0 if result.verdict.accepted else 1)


async def _run(settings: Settings, job: ProgramJob, limits: Limits) -> SandboxResult:
    async with build_sandbox(settings) as sandbox:
        return await sandbox.run(job, limits)


def _limits(**given: float) -> Limits:
    try:
        return Limits.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        limit = bounds_told(first.get("ctx", {}))
        raise InputError(f"{field}: {first['msg'].lower()}", field=field, limit=limit) from None


def _language(file: Path) -> Language:
    language = BY_SUFFIX.get(file.suffix)
    if language is None:
        raise InputError(
            f"{file.name}: no language is known by the suffix {file.suffix or '(none)'!r}",
            field="FILE",
            hint=f"one of {' '.join(BY_SUFFIX)}",
        )
    return language


def _tree(file: Path) -> SourceTree:
    try:
        return SourceTree(files={file.name: _read(file, "FILE")})
    except ValidationError as error:
        raise InputError(f"{file}: {error.errors()[0]['msg']}", field="FILE") from None


def _read(file: Path, field: str) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", field=field) from None
    if len(data) > MAX_FILE_BYTES:
        limit = f"{MAX_FILE_BYTES} bytes"
        raise InputError(f"{file} is larger than {limit}", field=field, limit=limit)
    return data


def _report(result: SandboxResult) -> RunReport:
    return RunReport(
        verdict=result.verdict,
        usage=result.usage,
        stdout=result.stdout.decode(errors="replace"),
        stderr=result.stderr.decode(errors="replace"),
    )


def _print(result: SandboxResult) -> None:
    if sys.stdout.isatty():
        sys.stdout.write(printable(result.stdout.decode(errors="replace")))
    else:  # a pipe or a file gets the program's bytes as they are
        sys.stdout.buffer.write(result.stdout)
    sys.stdout.flush()
    console, verdict, usage = err(), result.verdict, result.usage
    if result.stderr:
        console.print(Text(printable(result.stderr.decode(errors="replace")).rstrip("\n")), soft_wrap=True)
    console.print(
        table(
            *("verdict", "phase", "wall s", "CPU s", "memory", "output", "why"),
            rows=[
                (
                    Text(verdict.outcome.value, style="green" if verdict.accepted else "red"),
                    verdict.phase.value,
                    f"{usage.wall_s:.3f}",
                    f"{usage.cpu_s:.3f}",
                    size(usage.memory_peak_bytes or None),
                    size(usage.output_bytes),
                    Text(printable(verdict.cause)),
                )
            ],
        )
    )
