"""A scanner that says what it is told, and a project's tree out of texts."""

from __future__ import annotations

from dataclasses import dataclass, field

from qlayer.scan.base import Project, ScannerBroken
from qlayer.types.finding import Finding, Severity
from qlayer.types.ids import Digest, digest_of
from qlayer.types.source import SourceTree


def tree_of(files: dict[str, str]) -> SourceTree:
    return SourceTree(files={path: text.encode() for path, text in files.items()})


@dataclass
class Told:
    """Answers the same for every project, and counts how often it is asked."""

    answer: tuple[Finding, ...] | ScannerBroken
    name: str = "told"
    number: str | None = "1"
    looks_for: str = "all"
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def version(self) -> str | None:
        return self.number

    def rules(self) -> Digest:
        return digest_of(self.looks_for)

    def wants(self, path: str) -> bool:
        return path.endswith(".py")

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        self.asked.append(project.paths)
        if isinstance(self.answer, ScannerBroken):
            raise self.answer
        return self.answer


FOUND = Finding(tool="told", rule="R1", severity=Severity.HIGH, message="bad", path="a.py", line=3)
