"""Helm charts: linted and rendered by Helm, their values against their schema, what they render as manifests.

Helm is Go code in a library; it runs in a process of its own, so that no signal handler of Go's gets into
ours.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from qlayer.scan.base import INSTALL, Project, ScannerBroken, answer_of
from qlayer.scan.kubernetes import API_VERSION, Manifest, documents, look_at
from qlayer.scan.pod_security import RULES
from qlayer.types.finding import Finding, Severity
from qlayer.types.ids import Digest, digest_of
from qlayer.types.source import TreePath

DISTRIBUTION = "helm-python-sdk"
CHART, VALUES, SCHEMA = "Chart.yaml", "values.yaml", "values.schema.json"
_PROGRAM = Path(__file__).with_name("helm_process.py")
_LEVELS = {1: Severity.LOW, 2: Severity.LOW, 3: Severity.HIGH}


class Helm:
    """Every folder with a ``Chart.yaml``, rendered with the values that it brings."""

    name = "helm"

    def version(self) -> str | None:
        try:
            return metadata.version(DISTRIBUTION)
        except metadata.PackageNotFoundError:
            return None

    def rules(self) -> Digest:
        return digest_of([API_VERSION, RULES])

    def wants(self, path: TreePath) -> bool:
        parts = PurePosixPath(path).parts
        return parts[-1] in (CHART, VALUES, SCHEMA) or "templates" in parts

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        charts = [PurePosixPath(path).parent for path in project.paths if PurePosixPath(path).name == CHART]
        if charts and self.version() is None:
            raise ScannerBroken(f"{DISTRIBUTION} is not installed", hint=INSTALL)
        found: list[Finding] = []
        for chart in charts:
            out = await answer_of([sys.executable, "-I", _PROGRAM, str(chart)], project.folder, fine=(0,))
            found += await asyncio.to_thread(_findings, project, chart, json.loads(out))
        return tuple(found)


def _findings(project: Project, chart: PurePosixPath, answer: Mapping[str, Any]) -> list[Finding]:
    return list(_read(project, chart, answer))


def _read(project: Project, chart: PurePosixPath, answer: Mapping[str, Any]) -> Iterator[Finding]:
    for message in answer["lint"]:
        text = str(message["error"])
        yield _finding(
            _place(project, chart, text), "lint", _LEVELS.get(message["severity"], Severity.LOW), text
        )
    if answer["problem"] is not None:
        text = f"it does not render: {answer['problem']}"
        yield _finding(_place(project, chart, text), "render", Severity.HIGH, text)
    yield from _values(project, chart)
    manifests: list[Manifest] = []
    for name, text in sorted(answer["rendered"].items()):
        path = str(chart / PurePosixPath(*PurePosixPath(name).parts[1:]))
        try:
            manifests += [one._replace(line=None) for one in documents(path, text)]
        except yaml.YAMLError as error:
            yield _finding(path, "render", Severity.HIGH, f"what it renders is no YAML: {error}")
    yield from look_at(manifests, Helm.name)


def _values(project: Project, chart: PurePosixPath) -> Iterator[Finding]:
    """A schema, that it is one, and that the chart's own values keep it (JSON Schema 2020-12)."""
    try:
        from jsonschema import Draft202012Validator, SchemaError
    except ImportError:
        raise ScannerBroken("jsonschema is not installed", hint=INSTALL) from None
    path, values = str(chart / SCHEMA), str(chart / VALUES)
    if path not in project.tree:
        yield _finding(
            str(chart / CHART), "values-schema", Severity.LOW, f"it has no {SCHEMA}: any value is taken"
        )
        return
    try:
        schema = json.loads(project.tree.text(path))
        Draft202012Validator.check_schema(schema)
        given = yaml.safe_load(project.tree.text(values)) if values in project.tree else {}
    except (ValueError, SchemaError, yaml.YAMLError) as error:
        reason = error.message if isinstance(error, SchemaError) else str(error)
        yield _finding(path, "values-schema", Severity.HIGH, f"the values cannot be checked: {reason}")
        return
    for wrong in Draft202012Validator(schema).iter_errors(given or {}):
        where = ".".join(map(str, wrong.path)) or "the values"
        yield _finding(values, "values", Severity.HIGH, f"{where}: {wrong.message}"[:500])


def _place(project: Project, chart: PurePosixPath, text: str) -> TreePath:
    """The file that a message of Helm's speaks of, else the chart's own."""
    below = [path for path in project.paths if PurePosixPath(path).is_relative_to(chart)]
    return next(
        (path for path in below if str(PurePosixPath(path).relative_to(chart)) in text), str(chart / CHART)
    )


def _finding(path: TreePath, rule: str, severity: Severity, message: str) -> Finding:
    return Finding(
        tool=Helm.name,
        rule=rule,
        severity=severity,
        message=message[:1_000],
        path=path,
        hint="`helm lint --strict` and `helm template` say the same",
    )
