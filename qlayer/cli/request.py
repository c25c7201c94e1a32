"""What a person typed, checked and turned into a `RunRequest`: text, a file or stdin, and a budget."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import ValidationError

from qlayer.errors import InputError
from qlayer.types.ids import ModelId
from qlayer.types.run import RunRequest
from qlayer.types.spec import MAX_SPEC_BYTES
from qlayer.types.usage import Budget

STDIN = "-"

_PATH_STARTS = ("/", "./", "../", "~")
_REQUEST_SUFFIXES = (".md", ".markdown", ".txt")
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def build_request(
    text: str,
    *,
    template: str | None,
    layout: Literal["auto", "template", "free"] = "auto",
    release_to: str | None = None,
    model: str | None,
    default_budget: Budget,
    budget_tokens: int | None,
    budget_seconds: float | None,
) -> RunRequest:
    """Raises `InputError` naming the option and its limit."""
    budget = build_budget(default_budget, budget_tokens, budget_seconds)
    return RunRequest(
        text=text,
        template=template,
        layout=layout,
        release_to=release_to,
        model=ModelId(model) if model else None,
        budget=budget,
    )


def build_budget(default: Budget, tokens: int | None, seconds: float | None) -> Budget:
    """The default with what was given in place. Raises `InputError` naming the option and its limit."""
    given = {name: value for name, value in (("tokens", tokens), ("seconds", seconds)) if value is not None}
    try:
        return Budget.model_validate({**default.model_dump(), **given})
    except ValidationError as error:
        first = error.errors()[0]
        option = f"--budget-{first['loc'][0]}"
        raise InputError(
            f"{option} {given[str(first['loc'][0])]:g}: {first['msg'].lower()}",
            field=option,
            limit=bounds_told(first.get("ctx", {})),
        ) from None


def bounds_told(context: Mapping[str, float]) -> str | None:
    """The bounds in pydantic's context of an error, in words: "at least 1". None where it names no bound."""
    return (
        ", ".join(f"{_BOUNDS[name]} {value:.15g}" for name, value in context.items() if name in _BOUNDS)
        or None
    )


def read_request_text(text: str | None, file: Path | None, stdin: BinaryIO | None = None) -> str:
    """The request: `file`, else `text`, which may be ``-`` for stdin or the path of an existing file.

    Raises `InputError`: nothing or two things given, unreadable, a path where no file is, larger than
    `MAX_SPEC_BYTES`, empty, not UTF-8.
    """
    if text is not None and file is not None:
        raise InputError("give the request as text or with --file, not both", field="--file")
    if file is not None:
        return _decoded(_read_file(file), str(file))
    if text is None:
        raise InputError(
            "nothing was asked for", field="TEXT", hint='qlayer generate "..." or --file SPEC.md'
        )
    if text == STDIN:
        return _decoded((stdin or sys.stdin.buffer).read(MAX_SPEC_BYTES + 1), "stdin")
    path = _existing_file(text)
    if path is not None:
        return _decoded(_read_file(path), str(path))
    if _looks_like_path(text):
        raise InputError(f"{text} names no file", field="TEXT", hint="a request in words, or a file's path")
    return _decoded(text.encode("utf-8", "surrogateescape"), "TEXT")


def _existing_file(text: str) -> Path | None:
    try:
        return Path(text) if Path(text).is_file() else None
    except (OSError, ValueError):  # too long or not fit for a path: then it is text
        return None


def _looks_like_path(text: str) -> bool:
    """A mistyped path would be taken for a request of one word, and cost a whole run."""
    one_word = len(text.split()) == 1
    return one_word and (text.startswith(_PATH_STARTS) or text.lower().endswith(_REQUEST_SUFFIXES))


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_SPEC_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", field="--file") from None


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MAX_SPEC_BYTES:
        raise InputError(
            f"{name} is larger than {MAX_SPEC_BYTES} bytes", field=name, limit=f"{MAX_SPEC_BYTES} bytes"
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8 text (byte {error.start})", field=name, limit="UTF-8"
        ) from None
    if "\0" in text:
        raise InputError(f"{name} is binary: it holds a zero byte", field=name, limit="text")
    if not text.strip():
        raise InputError(f"{name} is empty", field=name, limit="at least one word")
    return text
