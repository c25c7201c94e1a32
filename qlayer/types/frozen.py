"""The base of every data type: immutable, closed to unknown fields, stable as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """An immutable value. Unknown fields are refused; bytes are base64 in JSON."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        use_attribute_docstrings=True,
    )


def added(default: Any) -> Any:
    """A field that came to a type after values of it were stored: not written while it has its default.

    So what was stored before keeps its canonical bytes, and with them its digest.
    """
    return Field(default=default, exclude_if=lambda value: bool(value == default))
