"""``qlayer validate``: judge what is already there, in the sandbox: a file, a project, or a batch of jobs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from qlayer.app.environments import open_environments
from qlayer.app.settings import Settings, load_settings
from qlayer.cli.batch import BatchOptions, judge_batch
from qlayer.cli.options import Json
from qlayer.cli.render import checks_table, err, out, print_json
from qlayer.errors import InputError
from qlayer.sandbox.base import SandboxInfo
from qlayer.sandbox.environments.project import ProvisionedSandbox
from qlayer.sandbox.warm import WarmSandbox
from qlayer.types.check import CheckResult
from qlayer.types.source import MAX_FILE_BYTES, MAX_FILES, SourceTree
from qlayer.validation.checks import run_check
from qlayer.validation.job_files import NamedJob, is_program_folder, read_lines, read_programs
from qlayer.validation.project import ProjectPlan, plan_project

_IGNORED = (".git", ".venv", ".tox", "__pycache__", "node_modules", "venv", "build", "dist")


def validate(
    path: Annotated[
        Path,
        typer.Argument(help="A .py file or a project's folder; a .jsonl file or a folder of programs."),
    ],
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Batch: JSONL of verdicts; the same file resumes.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Batch: jobs at once, per supervisor.")] = 2,
    ray: Annotated[bool, typer.Option("--ray", help="Batch: over a Ray of its own on this machine.")] = False,
    supervisors: Annotated[int, typer.Option(min=1, max=64, help="Batch with --ray: supervisors.")] = 2,
    plot: Annotated[
        Path | None, typer.Option(help="Batch: the summary as a picture: .svg, .html or .txt.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge a project by booting it and running its own tests, or a batch of jobs by their own forms.

    Ends with status 1 when something is not accepted. A batch is a JSONL file with one job a line (program
    and expected output, code and tests, HumanEval or MBPP lines) or a folder of programs with .in and .out
    files beside them. A project's own tests share a process with the code they judge: it can forge them.
    """
    batch = _batch(path)
    if batch is not None:
        options = BatchOptions(out_file, workers, ray, supervisors, plot, as_json)
        raise typer.Exit(0 if judge_batch(load_settings(), batch, options) else 1)
    for option, given in (("--out", out_file), ("--plot", plot), ("--ray", ray)):
        if given:
            raise InputError(f"{option} is for a batch of jobs; {path} is none", field=option)
    tree = read_project(path)
    plan = plan_project(tree)
    if not plan.checks:
        raise InputError(f"{path} holds no Python module and no test that could be run", field="PATH")
    info, results = asyncio.run(_judge(load_settings(), tree, plan))
    if as_json:
        print_json(results)
    else:
        out().print(checks_table(results))
        out().print(f"{len(tree.files)} files, sandbox {info.backend}, tier {info.tier}")
    for reason in plan.skipped:
        err().print(f"not judged: {reason}", soft_wrap=True)
    raise typer.Exit(0 if all(result.ok for result in results) else 1)


def _batch(path: Path) -> tuple[NamedJob, ...] | None:
    """The jobs, when the path is a batch."""
    if path.suffix == ".jsonl":
        return read_lines(path)
    return read_programs(path) if path.is_dir() and is_program_folder(path) else None


def read_project(path: Path, *, hidden: bool = False) -> SourceTree:
    """The files below `path` without built ones, and without `hidden` ones. Links are not followed.

    Raises `InputError`: not there, not readable, or beyond the limits of a tree.
    """
    try:
        if path.is_file():
            return SourceTree(files={path.name: _bounded(path)})
        if not path.is_dir():
            raise InputError(f"{path} is neither a file nor a folder", field="PATH")
        files: dict[str, bytes] = {}
        for file in _files(path, hidden):
            files[file.relative_to(path).as_posix()] = _bounded(file)
            if len(files) > MAX_FILES:
                raise InputError(
                    f"{path} holds more than {MAX_FILES} files", field="PATH", limit=f"{MAX_FILES} files"
                )
        return SourceTree(files=files)
    except OSError as error:
        raise InputError(f"{error.filename or path} cannot be read: {error.strerror}", field="PATH") from None
    except ValidationError as error:
        raise InputError(f"{path}: {error.errors()[0]['msg']}", field="PATH") from None


async def _judge(
    settings: Settings, tree: SourceTree, plan: ProjectPlan
) -> tuple[SandboxInfo, list[CheckResult]]:
    async with WarmSandbox(settings.warm) as warm:
        sandbox = ProvisionedSandbox(warm, open_environments(settings))
        return sandbox.info, [await run_check(check, tree, sandbox) for check in plan.checks]


def _files(folder: Path, hidden: bool) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if (hidden or not n.startswith(".")) and n not in _IGNORED)
        for name in sorted(names):
            file = Path(parent) / name
            if (hidden or not name.startswith(".")) and file.is_file() and not file.is_symlink():
                yield file


def _bounded(file: Path) -> bytes:
    with file.open("rb") as stream:
        data = stream.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise InputError(
            f"{file} is larger than {MAX_FILE_BYTES} bytes", field="PATH", limit=f"{MAX_FILE_BYTES} bytes"
        )
    return data
