"""Adds the delivery files to a finished tree: rendered by Jinja2, the same project gives the same bytes.

A file that the project has already is left as it is. The README gets a section that names what was added.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from qlayer.packaging.delivery.families import Part, parts_of
from qlayer.packaging.delivery.pins import ACTIONS, TOOLS
from qlayer.packaging.delivery.project import Project, project_of
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree, TreePath

README = "README.md"
HEADING = "## Build and ship"
_FILES = Path(__file__).parent / "files"
_SUFFIX = ".j2"


class Bases(Frozen):
    """Images that containers are built on; ``@sha256:...`` pins one, without it the file says so."""

    python: str = "python:3.13-slim"
    node: str = "node:24-slim"


class Delivered(Frozen):
    """A tree with its delivery files."""

    tree: SourceTree
    added: tuple[TreePath, ...]
    kept: tuple[TreePath, ...]
    """Files that the project has itself."""


def deliver(family: str, tree: SourceTree, bases: Bases) -> Delivered:
    """Pure and deterministic. A tree that does not say how it is built is given back as it is."""
    project = project_of(family, tree)
    parts = parts_of(family)
    if project is None or not parts:
        return Delivered(tree=tree, added=(), kept=())
    files = _rendered(project, parts, bases)
    kept = tuple(path for path in files if path in tree)
    added = {path: text for path, text in files.items() if path not in tree}
    told = _readme(tree, project, (*added, *kept))
    return Delivered(tree=tree.with_files({**added, **told}), added=tuple(added), kept=kept)


def holds(tree: SourceTree, project: SourceTree) -> bool:
    """Whether `tree` is `project`, with delivery files or without. Pure."""
    if README in project and not tree.files.get(README, b"").startswith(project.files[README].rstrip()):
        return False
    return all(tree.files.get(path) == data for path, data in project.files.items() if path != README)


def replaced(tree: SourceTree, project: SourceTree) -> SourceTree:
    """`tree` with the files of another state of its project; what was delivered stays. Pure."""
    return tree.with_files({path: data for path, data in project.files.items() if path != README})


def _rendered(project: Project, parts: tuple[Part, ...], bases: Bases) -> dict[TreePath, str]:
    values: Mapping[str, object] = {
        "project": project,
        "base": getattr(bases, project.runtime),
        "parts": frozenset(parts),
        "actions": ACTIONS,
        "tools": TOOLS,
    }
    environment = _environment()
    rendered: dict[TreePath, str] = {}
    for name in environment.list_templates(filter_func=lambda path: path.endswith(_SUFFIX)):
        folder, _, path = name.removesuffix(_SUFFIX).partition("/")
        if folder in (*parts, *(f"{part}-{project.runtime}" for part in parts)):
            text = environment.get_template(name).render(values)
            if text.strip():
                rendered[path] = text
    return rendered


@cache
def _environment() -> Environment:
    """Square brackets, for Actions and Helm have curly ones of their own."""
    return Environment(
        loader=FileSystemLoader(_FILES),
        undefined=StrictUndefined,
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


def _readme(tree: SourceTree, project: Project, paths: tuple[TreePath, ...]) -> dict[TreePath, str]:
    if README not in tree or HEADING in tree.text(README):
        return {}
    section = _environment().get_template("readme.md").render(project=project, paths=frozenset(paths))
    return {README: f"{tree.text(README).rstrip()}\n\n{HEADING}\n\n{section}"}
