"""Scans over HTTP: the one that a capsule carries, and one of files that are sent."""

from __future__ import annotations

import asyncio

import pytest
from rest_world import Client, World
from test_rest_capsules import packed

from qlayer.types.ids import digest_of
from qlayer.types.scan import ScanReport
from qlayer.types.source import SourceTree
from serve_apps.rest import scan_room

KEY = "AKIA" + "IOSFODNN7" + "QLAYER0"
"""In the form of a provider's key; built here so that no scan of this repository finds it."""


async def test_a_capsule_shows_the_scan_that_it_carries(world: World, client: Client) -> None:
    bare = await packed(world)
    manifest, tree = await world.capsules.load(bare)
    report = ScanReport(tree=tree.digest, tools=(), findings=())
    scanned = await world.capsules.pack(manifest.model_copy(update={"scan": report}), tree)
    async with client() as http:
        missing = await http.get(f"/capsules/{bare}/scan")
        shown = await http.get(f"/capsules/{scanned}/scan")
    assert missing.status_code == 404 and "without a scan" in missing.json()["detail"]
    assert ScanReport.model_validate(shown.json()) == report


async def test_sent_files_are_scanned_and_no_secret_comes_back(client: Client) -> None:
    files = {
        "a.py": f"key = '{KEY}'\nimport pickle\npickle.loads(b'')\n",
        "requirements.txt": "pyyaml==5.3.1\n",
    }
    async with client() as http:
        answer = await http.post("/scan", json={"files": files})
    assert answer.status_code == 200 and KEY not in answer.text
    rules = {(one["tool"], one["rule"]) for one in answer.json()["findings"]}
    expected = {
        ("detect-secrets", "AWS Access Key"),
        ("bandit", "B301"),
        ("advisories", "GHSA-8q59-q68h-6hv4"),
    }
    assert expected <= rules


@pytest.mark.parametrize("files", [{}, {"../a.py": ""}, {"a": "", "a/b": ""}, {"A.py": "", "a.py": ""}])
async def test_files_that_make_no_tree_are_refused(client: Client, files: dict[str, str]) -> None:
    async with client() as http:
        answer = await http.post("/scan", json={"files": files})
    assert answer.status_code == 422


async def test_a_third_scan_at_once_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def slow(tree: SourceTree, scanners: object) -> ScanReport:
        begun.release()
        await go_on.wait()
        return ScanReport(tree=digest_of("any"), tools=(), findings=())

    monkeypatch.setattr(scan_room, "scan", slow)
    async with client() as http, asyncio.TaskGroup() as tasks:
        two = [tasks.create_task(http.post("/scan", json={"files": {"a.py": ""}})) for _ in range(2)]
        for _ in two:
            await begun.acquire()
        third = await http.post("/scan", json={"files": {"a.py": ""}})
        go_on.set()
    assert third.status_code == 429 and "Retry-After" in third.headers
    assert [task.result().status_code for task in two] == [200, 200]
