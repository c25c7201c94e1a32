"""The file in which people accept findings for a while: a YAML list of tool, rule, path, reason and until."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from qlayer.errors import InputError
from qlayer.types.scan import Suppression

_SUPPRESSIONS: TypeAdapter[tuple[Suppression, ...]] = TypeAdapter(tuple[Suppression, ...])


def read_suppressions(file: Path) -> tuple[Suppression, ...]:
    """Raises `InputError` naming the entry and what is wrong with it."""
    try:
        return _SUPPRESSIONS.validate_python(yaml.safe_load(file.read_text(encoding="utf-8")) or ())
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", field="suppressions") from None
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        told = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(map(str, told["loc"]))
        raise InputError(f"{file}: {where}: {told['msg']}", field="suppressions") from None
