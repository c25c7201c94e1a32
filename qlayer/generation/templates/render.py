"""Rendering a family's files: Jinja2, and an undefined name is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

SUFFIX = ".j2"
_PLACEHOLDER = re.compile(r"__([a-z]+)__")


def render_folder(folder: Path, values: Mapping[str, object]) -> dict[str, str]:
    """Path -> text of every ``*.j2`` file below `folder`, with the suffix gone.

    A part of a path such as ``__package__`` stands for the value of that name, when there is one. Raises
    `jinja2.UndefinedError` when a template asks for a value that is missing.
    """
    environment = Environment(
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
