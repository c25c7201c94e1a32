"""Tools that take seconds and look deeper: types by mypy, patterns of our own by semgrep.

Both run isolated from the project's configuration. mypy obeys comments such as ``type: ignore``, for
want of a switch against that; its findings are about quality and never severe.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qlayer.scan.base import Project, unread
from qlayer.scan.spawned import Spawned
from qlayer.types.finding import Finding, Severity
from qlayer.types.source import TreePath

RULES = Path(__file__).with_name("semgrep_rules.yaml")
_LANGUAGES = (".py", ".js", ".jsx", ".ts", ".tsx")
_SEVERITIES = {"INFO": Severity.LOW, "WARNING": Severity.MEDIUM, "ERROR": Severity.HIGH}


def _python(path: TreePath) -> bool:
    return path.endswith((".py", ".pyi"))


def _parsed(project: Project) -> Iterator[TreePath]:
    """One file that does not parse keeps mypy from all others; bandit and ruff tell of it."""
    for path in project.paths:
        try:
            ast.parse(project.tree.files[path])
        except (SyntaxError, ValueError, RecursionError):
            continue
        yield path


def _lines(out: bytes) -> list[Any]:
    return [json.loads(line) for line in out.splitlines() if line.startswith(b"{")]


def _read_mypy(answer: Any, project: Project) -> Iterator[Finding]:
    for one in answer:
        if one["severity"] == "error":
            yield Finding(
                tool="mypy",
                rule=one["code"] or "misc",
                severity=Severity.LOW,
                message=one["message"],
                path=project.placed(one["file"]),
                line=one["line"] if one["line"] > 0 else None,
                hint=one["hint"] or "",
            )


def _read_semgrep(answer: Any, project: Project) -> Iterator[Finding]:
    """Never the matched lines; a file that it could not read to its end is told."""
    for one in answer["results"]:
        extra = one["extra"]
        yield Finding(
            tool="semgrep",
            rule=one["check_id"].rpartition(".")[2],
            severity=_SEVERITIES[extra["severity"]],
            message=extra["message"].strip(),
            path=project.placed(one["path"]),
            line=one["start"]["line"],
            hint=extra["metadata"].get("hint", ""),
        )
    for one in answer["errors"]:
        if "path" in one:
            yield unread("semgrep", project.placed(one["path"]), one["message"][:300], Severity.MEDIUM)
        else:
            raise ValueError(one["message"][:300])


MYPY = Spawned(
    name="mypy",
    distribution="mypy",
    wants=_python,
    arguments=lambda project: [
        *("--config-file=", "--no-incremental", "--cache-dir=/dev/null", "--output=json"),
        *("--no-site-packages", "--ignore-missing-imports", "--namespace-packages"),
        *("--explicit-package-bases", "--no-error-summary", "--show-error-end", "--", *_parsed(project)),
    ],
    read=_read_mypy,
    parse=_lines,
    says_nothing=True,
    unseen=Severity.LOW,
)
SEMGREP = Spawned(
    name="semgrep",
    distribution=None,
    wants=lambda path: path.endswith(_LANGUAGES),
    arguments=lambda project: [
        *("scan", f"--config={RULES}", "--metrics=off", "--disable-version-check", "--json", "--quiet"),
        *("--no-git-ignore", "--disable-nosem", "--jobs=2", "--timeout=30", "."),
    ],
    read=_read_semgrep,
    hint="install semgrep 1.182 in an environment of its own and name it in QLAYER_SEMGREP",
    unseen=Severity.LOW,
    own=(RULES,),
)
