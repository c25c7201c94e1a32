"""Advisories and licences of what a project depends on; whatever was not checked is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scanners import tree_of

from qlayer.packaging.components import components
from qlayer.scan import osv
from qlayer.scan.base import NOT_SCANNED
from qlayer.scan.dependencies import SEED, KnownAdvisories, Licences
from qlayer.scan.run import scan
from qlayer.types.finding import Finding, Severity

BOUNDS = {
    ("pypi", "pyyaml"): {"5.3.1": 1, "5.4": 0, "6.0.3": 0},
    ("pypi", "requests"): {"2.2.1": 0, "2.3.0": 1, "2.30.0": 1, "2.31.0": 0},
    ("pypi", "jinja2"): {"3.1.2": 1, "3.1.3": 0, "3.1.3rc1": 1},
    ("pypi", "urllib3"): {"1.26.16": 2, "1.26.17": 1, "1.26.19": 0, "2.0.5": 2, "2.0.6": 1, "2.2.2": 0},
    ("pypi", "idna"): {"3.6": 1, "3.7": 0},
    ("npm", "lodash"): {"4.17.20": 1, "4.17.21": 0},
    ("npm", "minimist"): {"0.2.3": 1, "0.2.4": 0, "1.2.5": 1, "1.2.6": 0},
}
"""Package -> version -> how many of the shipped advisories are about it; from the advisories' own pages."""


@pytest.mark.parametrize("package", BOUNDS, ids="/".join)
def test_the_shipped_advisories_begin_and_end_where_they_should(package: tuple[str, str]) -> None:
    about = osv.load([SEED]).of[package]
    for version, count in BOUNDS[package].items():
        hits = [
            one.id for one in about if any(osv.affects(a, package[0], version) for a in one.about(*package))
        ]
        assert len(hits) == count, (version, hits)


def test_every_shipped_entry_names_its_source() -> None:
    known = osv.load([SEED])
    assert known.entries == len(list(SEED.glob("*.json"))) >= 9 and known.unreadable == ()
    for file in SEED.glob("*.json"):
        entry = json.loads(file.read_text())
        assert entry["id"] == file.stem and entry["aliases"] and entry["references"] and entry["modified"]


async def found(files: dict[str, str], scanner: KnownAdvisories | Licences) -> tuple[Finding, ...]:
    return (await scan(tree_of(files), (scanner,))).findings


async def test_a_locked_component_with_an_advisory_is_found_with_what_ends_it() -> None:
    old = "PyYAML==5.3.1\nidna==3.11\n"
    first, shipped = await found({"requirements.txt": old}, KnownAdvisories(components))
    assert (first.rule, first.severity) == ("GHSA-8q59-q68h-6hv4", Severity.CRITICAL)
    assert "CVE-2020-14343" in first.message and first.hint == "fixed in 5.4"
    assert shipped.rule == "shipped-advisories-only" and shipped.severity is Severity.LOW


async def test_what_could_not_be_checked_is_a_finding() -> None:
    files = {
        "pyproject.toml": '[project]\ndependencies = ["requests>=2"]\n',
        "requirements.txt": "nonsense ://\n",
        "sub/requirements.txt": "idna===odd\n",
        "go.mod": "module x\n",
    }
    every = await found(files, KnownAdvisories(components))
    told = {one.path: one for one in every if one.rule != "shipped-advisories-only"}
    assert told["pyproject.toml"].rule == "not-locked"
    assert told["go.mod"].rule == told["sub/requirements.txt"].rule == NOT_SCANNED
    assert told["requirements.txt"].severity is Severity.HIGH
    assert "cannot be told" in told["sub/requirements.txt"].message


async def test_without_any_advisory_nothing_counts_as_checked(tmp_path: Path) -> None:
    (only,) = await found({"requirements.txt": "idna==3.11\n"}, KnownAdvisories(components, seed=tmp_path))
    assert (only.rule, only.severity) == (NOT_SCANNED, Severity.HIGH)


async def test_a_synced_folder_is_matched_too_and_what_is_no_entry_is_told(tmp_path: Path) -> None:
    package = {"ecosystem": "PyPI", "name": "Own.Package"}
    events = [{"introduced": "1.0"}, {"last_affected": "1.5"}]
    ours = {
        "id": "OWN-1",
        "affected": [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}],
    }
    gone = {**ours, "id": "OWN-2", "withdrawn": "2026-01-01T00:00:00Z"}
    commits = {"id": "OWN-3", "affected": [{"package": {**package, "name": "commits"}}]}
    for entry in (ours, gone, commits):
        (tmp_path / f"{entry['id']}.json").write_text(json.dumps(entry))
    (tmp_path / "torn.json").write_text('{"id": ')
    scanner = KnownAdvisories(components, tmp_path)
    hit = await found({"requirements.txt": "own-package==1.5\n"}, scanner)
    assert [(one.rule, one.severity) for one in hit] == [
        ("OWN-1", Severity.HIGH),
        (NOT_SCANNED, Severity.MEDIUM),
    ]
    assert "torn.json" in hit[1].message
    assert len(await found({"requirements.txt": "own-package==1.6\n"}, scanner)) == 1
    assert "commits alone" in (await found({"requirements.txt": "commits==1\n"}, scanner))[0].message
    before = scanner.rules()
    (tmp_path / "OWN-1.json").unlink()
    assert scanner.rules() != before, "else an old answer would be taken from the cache"


@pytest.mark.parametrize(
    ("licence", "rule"),
    [
        ("MIT", None),
        ("GPL-3.0-only", "denied"),
        ("MIT OR GPL-3.0-only", None),
        ("MIT AND GPL-3.0-only", "denied"),
        ("Apache-2.0 WITH LLVM-exception", None),
        ("Proprietary", "unlisted"),
        ("(", "unlisted"),
        (None, "unknown"),
    ],
)
async def test_licences_are_taken_refused_or_unknown(licence: str | None, rule: str | None) -> None:
    entry = {"version": "1.0.0", **({"license": licence} if licence else {})}
    lock = {"lockfileVersion": 3, "packages": {"": {}, "node_modules/a": entry}}
    told = await found({"package-lock.json": json.dumps(lock)}, Licences(components))
    assert [one.rule for one in told] == ([rule] if rule else [])
