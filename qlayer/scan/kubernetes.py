"""Kubernetes manifests: against the schemas of the API, and against Pod Security "restricted"."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import yaml

from qlayer.scan.base import INSTALL, Project, ScannerBroken
from qlayer.scan.pod_security import RULES, breaches
from qlayer.types.finding import Finding, Severity
from qlayer.types.ids import Digest, digest_of
from qlayer.types.source import SourceTree, TreePath

DISTRIBUTION = "kubernetes-validate"
API_VERSION = "1.37"
"""Of Kubernetes; the newest that the library has."""
_VERSION = re.compile(r"([a-z0-9]+(?:[.-][a-z0-9]+)*/)?v[a-z0-9]+")


class Manifest(NamedTuple):
    """One document of a file."""

    path: TreePath
    line: int | None
    """Where the document begins; None when it was rendered and stands in no file."""
    content: Mapping[str, Any]


class Kubernetes:
    """Every YAML document with a ``kind`` and an ``apiVersion`` outside charts and pipelines."""

    name = "kubernetes"

    def version(self) -> str | None:
        try:
            return metadata.version(DISTRIBUTION)
        except metadata.PackageNotFoundError:
            return None

    def rules(self) -> Digest:
        return digest_of([API_VERSION, RULES])

    def wants(self, path: TreePath) -> bool:
        parts = PurePosixPath(path).parts
        return path.endswith((".yaml", ".yml")) and not {"templates", ".github"} & set(parts)

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        if self.version() is None:
            raise ScannerBroken(f"{DISTRIBUTION} is not installed", hint=INSTALL)
        return await asyncio.to_thread(_found, project.tree, project.paths)


def _found(tree: SourceTree, paths: Iterable[TreePath]) -> tuple[Finding, ...]:
    findings: list[Finding] = []
    manifests: list[Manifest] = []
    for path in paths:
        try:
            manifests += list(documents(path, tree.text(path)))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            told = f"it is no YAML: {error}"[:500]
            findings.append(_finding(Kubernetes.name, path, _line(error), "yaml", Severity.HIGH, told))
    return (*findings, *look_at(manifests, Kubernetes.name))


def look_at(manifests: Iterable[Manifest], tool: str) -> Iterator[Finding]:
    """What is wrong with the documents of one release. Raises `ScannerBroken` without the library."""
    listed = list(manifests)
    place = {id(one.content): one for one in listed}
    for one in listed:
        yield from _schema(one, tool)
    for content, breach in breaches(one.content for one in listed):
        at = place[id(content)]
        told = f"{_called(content)}: {breach.message}"
        yield _finding(tool, at.path, at.line, breach.rule, breach.severity, told, breach.hint)


def documents(path: TreePath, text: str) -> Iterator[Manifest]:
    """The Kubernetes documents of a text. Raises `yaml.YAMLError`."""
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            content = loader.construct_document(node) if node is not None else None
            if node is not None and isinstance(content, dict) and {"kind", "apiVersion"} <= content.keys():
                yield Manifest(path, node.start_mark.line + 1, content)
    finally:
        loader.dispose()


def _schema(manifest: Manifest, tool: str) -> Iterator[Finding]:
    try:  # imported here because it takes half a second that most commands never need
        import kubernetes_validate
        from kubernetes_validate.utils import SchemaNotFoundError
    except ImportError:
        raise ScannerBroken(f"{DISTRIBUTION} is not installed", hint=INSTALL) from None
    path, line, called = manifest.path, manifest.line, _called(manifest.content)
    try:
        if not (_is_kind(manifest.content["kind"]) and _is_version(manifest.content["apiVersion"])):
            raise SchemaNotFoundError(str(manifest.content["kind"]), API_VERSION, "?")
        kubernetes_validate.validate(dict(manifest.content), API_VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        field = ".".join(map(str, error.path)) or "the document"
        hint = "see the API reference of Kubernetes for the fields of this kind"
        told = f"{called}: {field}: {error.message}"[:500]
        yield _finding(tool, path, line, "schema", Severity.HIGH, told, hint)
    except SchemaNotFoundError:
        told = f"{called}: Kubernetes {API_VERSION} has no such kind, so its fields were not checked"
        hint = "correct kind and apiVersion, or check it against the schema of its own definition"
        yield _finding(tool, path, line, "unknown-kind", Severity.MEDIUM, told, hint)


def _is_kind(kind: object) -> bool:
    """The library makes a file's name of it, so it must not be able to name any other."""
    return isinstance(kind, str) and kind.isascii() and kind.isalnum()


def _is_version(version: object) -> bool:
    return isinstance(version, str) and _VERSION.fullmatch(version) is not None


def _line(error: Exception) -> int | None:
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark is not None else None


def _called(content: Mapping[str, Any]) -> str:
    about = content.get("metadata")
    name = about.get("name", "?") if isinstance(about, Mapping) else "?"
    return f"{content.get('kind')} {name}"


def _finding(
    tool: str, path: TreePath, line: int | None, rule: str, severity: Severity, message: str, hint: str = ""
) -> Finding:
    return Finding(tool=tool, rule=rule, severity=severity, message=message, path=path, line=line, hint=hint)
