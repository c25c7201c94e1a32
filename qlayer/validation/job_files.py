"""Reading batches of jobs: a JSONL file, or a folder of programs with their expected outputs.

Everything is read and checked before anything is run, so that a bad line costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from qlayer.errors import InputError
from qlayer.sandbox.base import Limits, SandboxJob
from qlayer.types.language import BY_SUFFIX
from qlayer.types.source import MAX_FILE_BYTES
from qlayer.validation.job_forms import FORM, Form, ProgramForm, id_of

MAX_LINE_BYTES = 16 * 1024 * 1024


class NamedJob(NamedTuple):
    """One job of a batch."""

    id: str
    tenant: str
    job: SandboxJob
    limits: Limits


def read_lines(path: Path) -> tuple[NamedJob, ...]:
    """The jobs of a JSONL file. Raises `InputError` naming the line and the field."""
    try:
        with path.open("rb") as file:
            return tuple(_unique(_numbered(file, path.name)))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", field="PATH") from None


def named(form: Form, default_id: str) -> NamedJob:
    """A form as a job. Raises `InputError` naming the field."""
    try:
        return NamedJob(id_of(form, default_id), form.tenant, form.to_job(), form.limits)
    except ValidationError as error:  # of the tree: too many bytes, a file below a file
        raise InputError(error.errors()[0]["msg"], field="files") from None


def is_program_folder(path: Path) -> bool:
    """Whether some program in the folder has an expected output beside it: ``sum.py`` and ``sum.out``."""
    return any(file.with_suffix(".out").is_file() for file in _programs(path))


def read_programs(path: Path) -> tuple[NamedJob, ...]:
    """The folder's programs, each with ``.in`` as its stdin and ``.out`` as its expected stdout, if there.

    Raises `InputError`.
    """
    return tuple(_program(file) for file in _programs(path))


def _programs(path: Path) -> Iterator[Path]:
    for file in sorted(path.iterdir()):
        if file.suffix in BY_SUFFIX and file.is_file() and not file.name.startswith("."):
            yield file


def _program(file: Path) -> NamedJob:
    expected = file.with_suffix(".out")
    given = file.with_suffix(".in")
    form = ProgramForm(
        id=file.name,
        program=_text(file),
        language=BY_SUFFIX[file.suffix],
        stdin=_text(given) if given.is_file() else "",
        expected=_text(expected) if expected.is_file() else None,
    )
    return named(form, file.name)


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
        if len(data) > MAX_FILE_BYTES:
            raise InputError(
                f"{file} is larger than {MAX_FILE_BYTES} bytes", field="PATH", limit=f"{MAX_FILE_BYTES} bytes"
            )
        return data.decode()
    except UnicodeDecodeError:
        raise InputError(f"{file} is not UTF-8", field="PATH") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", field="PATH") from None


def _numbered(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, NamedJob]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE_BYTES:
            raise InputError(
                f"{name} line {number} is too long", field=f"line {number}", limit=f"{MAX_LINE_BYTES} bytes"
            )
        try:
            yield number, named(FORM.validate_json(line), f"line-{number}")
        except ValidationError as error:
            raise _bad_line(name, number, error) from None
        except InputError as error:
            field = f"line {number}: {error.field}"
            raise InputError(f"{name} line {number}: {error.message}", field=field) from None


def _bad_line(name: str, number: int, error: ValidationError) -> InputError:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"][1:])  # without the form's name
    what = f"{place}: {first['msg']}" if place else first["msg"]
    return InputError(
        f"{name} line {number}: {what}", field=f"line {number}" + (f": {place}" if place else "")
    )


def _unique(jobs: Iterable[tuple[int, NamedJob]]) -> Iterator[NamedJob]:
    seen: dict[str, int] = {}
    for number, job in jobs:
        if job.id in seen:
            raise InputError(
                f"line {number}: id {job.id!r} was used on line {seen[job.id]} already",
                field=f"line {number}: id",
            )
        seen[job.id] = number
        yield job
