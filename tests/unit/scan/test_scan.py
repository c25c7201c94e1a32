"""Scanners on planted defects, with the real tools; what cannot be looked at is never silent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from qlayer.scan.base import Project, ScannerBroken, answer_of
from qlayer.scan.cache import FindingsCache
from qlayer.scan.run import NOT_SCANNED, scan
from qlayer.scan.sarif import sarif
from qlayer.scan.tools import ALL
from qlayer.types.finding import Finding, Severity
from qlayer.types.scan import Suppression
from qlayer.types.source import SourceTree

# Made when the test runs: written out they would be findings in this repository.
TOKEN = "ghp_" + "9aF3kQ7xLm2PzR8sTvW4yBcD6eGhJ1nU5oXi"
AWS = "AKIA" + "Q4ZVN7T2LXRC3HJW"
PRIVATE = f"-----BEGIN RSA {'PRIVATE'} KEY-----\nMIIEpAIBAAKCAQEA7\n"

PLANTED = {
    "app/token.py": f'TOKEN = "{TOKEN}"  # gitleaks:allow  pragma: allowlist secret\n',
    "app/aws.py": f'KEY = "{AWS}"\n',
    "app/key.pem": PRIVATE,
    "app/broken.py": "def f(:\n",
    "app/unused.py": "import os  # noqa: F401\n\n\ndef f():\n    return undefined_name\n",
    "Dockerfile": "# hadolint ignore=DL3007\nFROM ubuntu:latest\nRUN apt-get install curl\n",
    "run.sh": "#!/bin/sh\n# shellcheck disable=SC2086\nrm -r $1/*\n[ $a = b ]\n",
    "pyproject.toml": "[tool.ruff]\nexclude = ['*']\n",
    ".gitleaks.toml": "[allowlist]\npaths = ['.*']\n",
    ".gitleaksignore": "app/token.py:github-pat:1\n./app/token.py:github-pat:1\n",
    ".hadolint.yaml": "ignored: [DL3007]\n",
    ".shellcheckrc": "disable=SC2086\n",
}
WANTED = {
    ("gitleaks", "github-pat", "app/token.py"),
    ("detect-secrets", "GitHub Token", "app/token.py"),
    ("detect-secrets", "AWS Access Key", "app/aws.py"),
    ("detect-secrets", "Private Key", "app/key.pem"),
    ("ruff", "invalid-syntax", "app/broken.py"),
    ("ruff", "F401", "app/unused.py"),
    ("ruff", "F821", "app/unused.py"),
    ("hadolint", "DL3007", "Dockerfile"),
    ("hadolint", "DL3015", "Dockerfile"),
    ("shellcheck", "SC2154", "run.sh"),
}


def tree_of(files: dict[str, str]) -> SourceTree:
    return SourceTree(files={path: text.encode() for path, text in files.items()})


async def test_every_planted_defect_is_found_whatever_the_project_says() -> None:
    """The project's own configuration and comments would hide all of them."""
    report = await scan(tree_of(PLANTED), ALL)
    assert [tool.problem for tool in report.tools] == [None] * len(ALL)
    found = {(one.tool, one.rule, one.path) for one in report.findings}
    assert found >= WANTED
    assert report.findings[0].severity is Severity.CRITICAL
    assert report.counts[Severity.CRITICAL] >= 3


async def test_no_secret_is_in_a_report() -> None:
    report = await scan(tree_of(PLANTED), ALL)
    text = report.model_dump_json() + str(sarif(report))
    assert TOKEN not in text and AWS not in text and "MIIEpAIBAAKCAQEA7" not in text


async def test_a_clean_project_has_no_findings() -> None:
    clean = {
        "src/add.py": "def add(a: int, b: int) -> int:\n    return a + b\n",
        "run.sh": '#!/bin/sh\nexec python3 -m add "$@"\n',
        "README.md": "# Add\n",
    }
    report = await scan(tree_of(clean), ALL)
    assert report.findings == () and all(tool.problem is None for tool in report.tools)


@dataclass
class Told:
    """A scanner that says what it is told, and counts how often it is asked."""

    answer: tuple[Finding, ...] | ScannerBroken
    name: str = "told"
    number: str | None = "1"
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def version(self) -> str | None:
        return self.number

    def wants(self, path: str) -> bool:
        return path.endswith(".py")

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        self.asked.append(project.paths)
        if isinstance(self.answer, ScannerBroken):
            raise self.answer
        return self.answer


FOUND = Finding(tool="told", rule="R1", severity=Severity.HIGH, message="bad", path="a.py", line=3)
TREE = tree_of({"a.py": "", "b.txt": ""})


async def test_the_same_files_are_scanned_once(tmp_path: Path) -> None:
    scanner, cache = Told((FOUND,)), FindingsCache(tmp_path / "cache")
    first = await scan(TREE, (scanner,), cache=cache)
    again = await scan(TREE.with_files({"b.txt": "changed"}), (scanner,), cache=cache)
    assert first.findings == again.findings == (FOUND,)
    assert (first.tools[0].cached, again.tools[0].cached, len(scanner.asked)) == (False, True, 1)
    await scan(TREE.with_files({"a.py": "changed"}), (scanner,), cache=cache)
    scanner.number = "2"
    await scan(TREE, (scanner,), cache=cache)
    assert len(scanner.asked) == 3
    for kept in (tmp_path / "cache").iterdir():
        kept.write_bytes(b"damaged")
    assert (await scan(TREE, (scanner,), cache=cache)).findings == (FOUND,)


async def test_a_scanner_that_breaks_is_a_finding_and_is_not_cached(tmp_path: Path) -> None:
    scanner, cache = Told(ScannerBroken("it fell over")), FindingsCache(tmp_path)
    for _ in range(2):
        (found,) = (await scan(TREE, (scanner,), cache=cache)).findings
        assert (found.rule, found.severity) == (NOT_SCANNED, Severity.HIGH)
        assert "1 files were not looked at: it fell over" in found.message
    assert len(scanner.asked) == 2
    assert (await scan(tree_of({"b.txt": ""}), (scanner,))).findings == ()


async def test_a_suppression_counts_until_its_day_and_for_its_files() -> None:
    until = date(2026, 3, 1)
    by = Suppression(tool="told", rule="R1", path="a.*", reason="checked by hand: no way in", until=until)
    held = await scan(TREE, (Told((FOUND,)),), suppressions=(by,), today=until)
    assert held.findings == () and held.suppressed[0].by == by
    (late,) = (await scan(TREE, (Told((FOUND,)),), suppressions=(by,), today=date(2026, 3, 2))).findings
    assert "ended on 2026-03-01" in late.hint
    for other in ({"rule": "R2"}, {"path": "b.*"}, {"tool": "else"}):
        elsewhere = by.model_copy(update=other)
        assert (await scan(TREE, (Told((FOUND,)),), suppressions=(elsewhere,), today=until)).findings
    everything = by.model_copy(update={"rule": NOT_SCANNED, "path": "*"})
    broken = Told(ScannerBroken("it fell over"))
    assert (await scan(TREE, (broken,), suppressions=(everything,), today=until)).findings


async def test_sarif_names_rule_place_and_justification() -> None:
    by = Suppression(tool="told", rule="R2", path="*", reason="known since May", until=date(2026, 3, 1))
    other = FOUND.model_copy(update={"rule": "R2", "line": None})
    run = sarif(await scan(TREE, (Told((FOUND, other)),), suppressions=(by,)))["runs"][0]
    first, second = run["results"]
    assert first["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}
    assert "suppressions" not in first
    assert second["suppressions"][0]["justification"].startswith("known since May")


async def test_a_tool_that_does_not_end_well_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ScannerBroken, match="sh ended with 3: no licence"):
        await answer_of(["/bin/sh", "-c", "echo no licence >&2; exit 3"], tmp_path)
    monkeypatch.setattr("qlayer.scan.base.TIMEOUT_S", 0.1)
    with pytest.raises(ScannerBroken, match="did not end"):
        await answer_of(["/bin/sleep", "60"], tmp_path)
    monkeypatch.setenv("QLAYER_LLM_API_KEY", "secret")
    monkeypatch.setattr("qlayer.scan.base.TIMEOUT_S", 60)
    assert b"QLAYER" not in await answer_of(["/usr/bin/env"], tmp_path)
