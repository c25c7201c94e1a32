"""Scanners on planted defects, with the real tools; what cannot be looked at is never silent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import uvloop
from scanners import FOUND, Told, tree_of

from qlayer.packaging.components import components
from qlayer.scan.base import NOT_SCANNED, Project, ScannerBroken, answer_of
from qlayer.scan.cache import FindingsCache
from qlayer.scan.planted import DEEP, FAST, planted, secrets
from qlayer.scan.run import scan
from qlayer.scan.sarif import sarif
from qlayer.scan.secrets import DetectSecrets
from qlayer.scan.spawned import GITLEAKS, Spawned
from qlayer.scan.tools import scanners
from qlayer.types.finding import Severity
from qlayer.types.scan import ScanReport, Suppression

ALL = (*scanners("fast", components), GITLEAKS)


@pytest.fixture(scope="module")
def report() -> ScanReport:
    """Of the planted defects, with all tools."""
    return asyncio.run(scan(planted(), ALL))


def test_every_planted_defect_is_found_whatever_the_project_says(report: ScanReport) -> None:
    """The project's own configuration and comments would hide all of them."""
    assert [tool.problem for tool in report.tools] == [None] * len(ALL)
    assert [one for one in (*FAST, DEEP[0]) if not one.found_in(report.findings)] == []
    assert report.findings[0].severity is Severity.CRITICAL
    assert report.counts[Severity.CRITICAL] >= 3


def test_no_secret_is_in_a_report(report: ScanReport) -> None:
    text = report.model_dump_json() + str(sarif(report))
    assert all(line not in text for secret in secrets() for line in secret.splitlines()[-1:])


async def test_a_clean_project_has_no_findings() -> None:
    clean = {
        "src/add.py": "def add(a: int, b: int) -> int:\n    return a + b\n",
        "run.sh": '#!/bin/sh\nexec python3 -m add "$@"\n',
        "README.md": "# Add\n",
    }
    report = await scan(tree_of(clean), ALL)
    assert report.findings == () and all(tool.problem is None for tool in report.tools)


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
    scanner.looks_for = "more"
    await scan(TREE, (scanner,), cache=cache)
    assert len(scanner.asked) == 4
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


def test_a_tool_that_names_a_place_outside_of_the_tree_is_not_believed(tmp_path: Path) -> None:
    project = Project(tree_of({"a/b.py": ""}), tmp_path, ("a/b.py",))
    assert project.placed("./a/b.py") == project.placed(f"{tmp_path}/a/../a/b.py") == "a/b.py"
    for outside in ("../a/b.py", f"{tmp_path}/../x", "/etc/passwd", "a", "a/c.py"):
        with pytest.raises(ValueError, match="is no file of the project"):
            project.placed(outside)


def lister(script: str, tmp_path: Path, *, distribution: str | None = None) -> Spawned:
    """A tool that is a shell script and answers a finding for each path that it is given."""
    tool = tmp_path / "lister"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    return Spawned(
        name="lister",
        distribution=distribution,
        wants=lambda path: True,
        arguments=lambda project: list(project.paths),
        read=lambda answer, project: [FOUND.model_copy(update={"path": path}) for path in answer],
        executable=tool,
    )


LIST = r"""printf '['; comma=; for path; do printf '%s"%s"' "$comma" "$path"; comma=,; done; printf ']\n'"""


async def test_more_files_than_one_command_line_holds_are_all_looked_at(tmp_path: Path) -> None:
    many = {f"{'deep/' * 50}{number:04}{'x' * 200}.py": "" for number in range(600)}
    report = await scan(tree_of(many), (lister(LIST, tmp_path),))
    assert {one.path for one in report.findings} == set(many) and report.tools[0].problem is None


async def test_a_tool_that_says_nothing_has_not_said_that_all_is_well(tmp_path: Path) -> None:
    (silent,) = (await scan(TREE, (lister("exit 0", tmp_path),))).findings
    assert silent.rule == NOT_SCANNED and "answered nothing" in silent.message
    assert (await scan(TREE, (lister("echo '[]'", tmp_path),))).findings == ()


async def test_a_tool_without_a_version_is_known_by_its_bytes(tmp_path: Path) -> None:
    cache = FindingsCache(tmp_path / "cache")
    before = await scan(TREE, (lister("echo '[]'", tmp_path),), cache=cache)
    after = await scan(TREE, (lister(LIST, tmp_path),), cache=cache)
    assert before.tools[0].version != after.tools[0].version
    assert before.findings == () and len(after.findings) == 2
    gone = replace(lister(LIST, tmp_path), executable=tmp_path / "gone", unseen=Severity.LOW)
    (absent,) = (await scan(TREE, (gone,), cache=cache)).findings
    assert (absent.rule, absent.severity) == (NOT_SCANNED, Severity.LOW)


async def test_the_version_of_a_tool_is_no_secret_and_a_password_is_one() -> None:
    files = {"ci.yml": "run: pipx run --spec detect-secrets==1.5.0 detect-secrets-hook\n"}
    assert (await scan(tree_of(files), (DetectSecrets(),))).findings == ()
    files = {"ci.yml": "run: login --password=1.5.0hunter\n", "a.py": "password = '1.5.x-hunter2'\n"}
    found = (await scan(tree_of(files), (DetectSecrets(),))).findings
    assert {one.path for one in found} >= {"a.py"}


def test_a_tool_that_does_not_wait_for_its_input_is_no_failure_under_uvloop(tmp_path: Path) -> None:
    async def ask() -> list[bytes]:
        script = ["sh", "-c", "exec 0<&-; echo done"]
        return [await answer_of(script, tmp_path, stdin=bytes(size)) for size in (0, 1, 1 << 20) * 5]

    assert set(uvloop.run(ask())) == {b"done\n"}
