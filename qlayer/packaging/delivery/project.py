"""What delivery files must know of a project, read off its own files."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from qlayer.packaging.oci import USER_ID
from qlayer.packaging.start import PORT, start_of
from qlayer.types.frozen import Frozen
from qlayer.types.source import SourceTree, TreePath

_NOT_A_LABEL = re.compile(r"[^a-z0-9]+")
MAX_NAME = 40
"""Of the 63 characters of a Kubernetes label; Helm puts a release's name before it."""


class Runtime(StrEnum):
    PYTHON = "python"
    NODE = "node"


class Project(Frozen):
    """The facts that the templates are rendered with."""

    family: str
    name: str
    """Fit for images, charts and Kubernetes: lower case, digits and ``-``."""
    description: str
    version: str
    runtime: Runtime
    command: tuple[str, ...]
    environment: dict[str, str]
    port: int | None
    """None: it serves nothing."""
    health: str = "/health"
    """The path that answers 200 while it serves."""
    requirements: str
    """What pip is to install for running it; empty when it needs the standard library alone."""
    dev_requirements: str
    """What pip is to install for testing it."""
    sources: tuple[str, ...]
    """Top-level folders with code."""
    locked: bool
    """Whether every package is pinned with its hash (Python) or in ``package-lock.json`` (Node)."""
    scripts: tuple[str, ...] = ()
    """Of ``package.json``."""
    data_variable: str | None = None
    """The environment variable that names the file in which it keeps its rows."""
    queue_variable: str | None = None
    """The environment variable that names the NATS server which it takes messages from."""
    probe: tuple[str, ...] = ()
    """What tells, where there is no port to ask, that it can still start: its package loads."""
    user: int = USER_ID


def project_of(family: str, tree: SourceTree) -> Project | None:
    """None when the tree does not say how it is built: no pyproject.toml and no package.json. Pure."""
    if "pyproject.toml" in tree:
        return _python(family, tree, tomllib.loads(tree.text("pyproject.toml")))
    if "package.json" in tree:
        return _node(family, tree, json.loads(tree.text("package.json")))
    return None


def _python(family: str, tree: SourceTree, config: Mapping[str, Any]) -> Project:
    about = config.get("project", {})
    start = start_of(tree)
    return Project(
        family=family,
        name=_label(about.get("name", family)),
        description=" ".join(str(about.get("description", "")).split()),
        version=str(about.get("version", "0.1.0")),
        runtime=Runtime.PYTHON,
        command=start.command,
        environment=dict(start.environment),
        port=start.ports[0] if start.ports else None,
        requirements=_requirements(tree, about),
        dev_requirements=_dev_requirements(config, about),
        sources=_python_folders(tree),
        locked=_hashed(tree),
        data_variable="DATABASE" if _mentions(tree, "app/main.py", 'environ.get("DATABASE"') else None,
        queue_variable="NATS_URL" if _takes_messages(tree) else None,
        probe=() if start.ports else (start.command[0], "-c", f"import {start.command[-1]}"),
    )


def _node(family: str, tree: SourceTree, config: Mapping[str, Any]) -> Project:
    scripts = config.get("scripts", {})
    serves = family == "node-service"
    start = str(scripts.get("start", "")).split()
    return Project(
        family=family,
        name=_label(config.get("name", family)),
        description=" ".join(str(config.get("description", "")).split()),
        version=str(config.get("version", "0.1.0")),
        runtime=Runtime.NODE,
        command=tuple(start) if start[:1] == ["node"] else ("node", str(config.get("main", "dist/index.js"))),
        environment={"NODE_ENV": "production", **({"PORT": str(PORT)} if serves else {})},
        port=PORT if serves else None,
        health="/healthz" if any(_mentions(tree, path, '"/healthz"') for path in tree.paths()) else "/health",
        requirements="",
        dev_requirements="",
        sources=tuple(sorted({path.split("/")[0] for path in tree.paths() if "/" in path} & {"src", "dist"})),
        locked="package-lock.json" in tree,
        scripts=tuple(sorted(scripts)),
    )


def _label(text: object) -> str:
    """RFC 1123, and a letter first as a Kubernetes Service wants it (RFC 1035)."""
    name = _NOT_A_LABEL.sub("-", str(text).lower()).strip("-")[:MAX_NAME].strip("-") or "app"
    return name if name[0].isalpha() else f"app-{name}"[:MAX_NAME].strip("-")


def _hashed(tree: SourceTree) -> bool:
    return "requirements.txt" in tree and b"--hash" in tree.files["requirements.txt"]


def _requirements(tree: SourceTree, about: Mapping[str, Any]) -> str:
    if _hashed(tree):
        return "--require-hashes --requirement requirements.txt"
    return "." if about.get("dependencies") else ""


def _dev_requirements(config: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    if "dev" in about.get("optional-dependencies", {}):
        return "--editable '.[dev]'"
    # pip reads dependency groups (PEP 735) since 25.1.
    grouped = "dev" in config.get("dependency-groups", {})
    return "--editable . --group dev" if grouped else "--editable . pytest ruff"


def _python_folders(tree: SourceTree) -> tuple[str, ...]:
    folders = {path.split("/")[0] for path in tree.paths() if path.endswith(".py") and "/" in path}
    return tuple(sorted(folders - {"tests"}))


def _takes_messages(tree: SourceTree) -> bool:
    return any(_mentions(tree, path, '"NATS_URL"') for path in tree.paths() if path.endswith("/worker.py"))


def _mentions(tree: SourceTree, path: TreePath, text: str) -> bool:
    return text.encode() in tree.files.get(path, b"")
