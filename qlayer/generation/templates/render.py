"""Rendering a family's files: Jinja2 in its sandbox, and an undefined name is an error.

A family may be a stranger's: its templates reach neither Python's internals nor a file outside their folder,
and cannot ask for a huge text by one multiplication. They can still take long: nothing bounds their loops.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

SUFFIX = ".j2"
MAX_PRODUCT = 1_000_000
"""Of a multiplication in a template; a text may not be multiplied at all."""
_PLACEHOLDER = re.compile(r"__([a-z]+)__")


class _Environment(ImmutableSandboxedEnvironment):
    """Multiplication is watched, powers are refused."""

    intercepted_binops = frozenset(["*", "**"])

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" or not numbers or abs(left) > MAX_PRODUCT or abs(right) > MAX_PRODUCT:
            raise SecurityError(f"a template may multiply numbers up to {MAX_PRODUCT} only")
        return super().call_binop(context, operator, left, right)


def render_folder(folder: Path, values: Mapping[str, object]) -> dict[str, str]:
    """Path -> text of every ``*.j2`` file below `folder`, with the suffix gone.

    A part of a path such as ``__package__`` stands for the value of that name, when there is one. Raises
    `jinja2.UndefinedError` when a template asks for a value that is missing, `SecurityError` when it asks for
    what templates may not have.
    """
    environment = _Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    rendered: dict[str, str] = {}
    for name in sorted(environment.list_templates(filter_func=lambda path: path.endswith(SUFFIX))):
        path = _PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), name.removesuffix(SUFFIX))
        rendered[path] = environment.get_template(name).render(values)
    return rendered
