"""An exception of the judged program as plain data, whatever its `__str__` does."""

from __future__ import annotations

import traceback
from typing import Any

from qlayer.sandbox.zygote.protocol import WORK

_MESSAGE, _TRACEBACK, _BASES = 2_000, 8_000, 32


def describe(error: BaseException) -> dict[str, Any]:
    """Fields of `qlayer.types.check.ErrorInfo`, and the names of all its classes as ``bases``."""
    kind = type(error)
    path, line = _place(error)
    return {
        "type": _name(kind),
        "message": _message(error)[:_MESSAGE],
        "path": path,
        "line": line,
        "traceback": _text(error)[-_TRACEBACK:],
        "bases": [_name(base) for base in type.mro(kind)][:_BASES],
    }


def _name(kind: type) -> str:
    return str(type.__dict__["__name__"].__get__(kind))[:200]


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # it is the program's own __str__
        return "(its message cannot be read)"


def _place(error: BaseException) -> tuple[str | None, int | None]:
    """The innermost line that belongs to the program."""
    if isinstance(error, SyntaxError) and isinstance(error.filename, str) and error.lineno is not None:
        return _relative(error.filename), error.lineno
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if (path := _relative(frame.f_code.co_filename)) is not None:
            return path, line
    return None, None


def _relative(filename: str) -> str | None:
    return filename[len(WORK) + 1 :] if filename.startswith(WORK + "/") else None


def _text(error: BaseException) -> str:
    """The traceback from the program's first frame on, with paths relative to the tree."""
    tb = error.__traceback__
    while tb is not None and _relative(tb.tb_frame.f_code.co_filename) is None:
        tb = tb.tb_next
    try:
        lines = traceback.format_exception(type(error), error, tb)
    except BaseException:  # it is the program's own __str__
        return ""
    return "".join(lines).replace(WORK + "/", "")
