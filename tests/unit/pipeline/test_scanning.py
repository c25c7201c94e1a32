"""A run scans what it made once, and the capsule carries what was said into provenance and policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from test_pipeline import RIGHT, bodies
from test_releasing import ReleasingWorld

from qlayer.errors import StoreError
from qlayer.packaging.components import components
from qlayer.packaging.provenance import statement
from qlayer.pipeline.scanning import Scanning
from qlayer.scan.base import Project
from qlayer.scan.dependencies import KnownAdvisories, Licences
from qlayer.scan.weaknesses import Bandit
from qlayer.signing.key_file import KeyFolder
from qlayer.types.finding import Finding, Severity
from qlayer.types.ids import Digest, digest_of
from qlayer.types.run import Governed, Scanned
from qlayer.types.scan import Suppression

OWN = (Bandit(), KnownAdvisories(components), Licences(components))


class Alarm:
    """A scanner that finds something grave, or dies with the process."""

    name = "alarm"

    def __init__(self, dies: bool = False) -> None:
        self.dies = dies
        self.asked = 0

    def version(self) -> str:
        return "1"

    def rules(self) -> Digest:
        return digest_of("alarm")

    def wants(self, path: str) -> bool:
        return path.endswith("core.py")

    async def scan(self, project: Project) -> tuple[Finding, ...]:
        self.asked += 1
        if self.dies:
            raise StoreError("the process was killed here")
        (path, *_) = project.paths
        return (Finding(tool="alarm", rule="A1", severity=Severity.HIGH, message="bad", path=path),)


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    folder = KeyFolder(tmp_path / "keys")
    folder.create("release", datetime.now(UTC))
    return folder


def scanned_world(keys: KeyFolder, scanning: Scanning, **known: object) -> ReleasingWorld:
    world = ReleasingWorld(lambda _: RIGHT, keys, **known)
    world.pipeline = replace(world.pipeline, scanning=scanning)
    return world


async def test_a_clean_scan_is_evidence_and_staging_is_allowed(keys: KeyFolder) -> None:
    denied = await ReleasingWorld(lambda _: RIGHT, keys).run(release_to="staging")
    (before,) = bodies(denied, Governed)
    assert before.decision.reasons == ("it was not scanned and staging asks for a scan",)
    world = scanned_world(keys, Scanning(every=(), release=OWN))
    record = await world.run(release_to="staging")
    (scanned,), (governed,) = bodies(record, Scanned), bodies(record, Governed)
    manifest, _ = await world.capsules.load(record.capsule)
    assert manifest.scan == scanned.report and len(scanned.report.tools) == len(OWN)
    assert governed.decision.allow, governed.decision.reasons
    assert b'"scan"' in statement(manifest, b"") and b"bandit" in statement(manifest, b"")
    steps = (await world.attestations.verify(record.capsule, keys.trust())).steps
    assert any(step.name == "scan" and step.ok for step in steps)


async def test_a_grave_finding_denies_and_a_plain_run_asks_the_fast_ones_alone(keys: KeyFolder) -> None:
    alarm = Alarm()
    scanning = Scanning(every=OWN[:1], release=(alarm,))
    plain = await scanned_world(keys, scanning).run()
    assert [tool.tool for tool in bodies(plain, Scanned)[0].report.tools] == ["bandit"] and alarm.asked == 0
    record = await scanned_world(keys, scanning).run(release_to="staging")
    (governed,) = bodies(record, Governed)
    assert any("1 findings of severity high" in reason for reason in governed.decision.reasons)


async def test_a_finding_that_a_person_accepts_denies_nothing_until_its_last_day(keys: KeyFolder) -> None:
    last = date(2026, 3, 1)
    by = Suppression(tool="alarm", rule="A1", path="*", reason="a false alarm, looked at by ada", until=last)
    decisions = {}
    for day in (last, last + timedelta(days=1)):
        scanning = Scanning(every=(), release=(Alarm(),), accepted=(by,), today=lambda day=day: day)
        record = await scanned_world(keys, scanning).run(release_to="staging")
        (decisions[day],) = (governed.decision.allow for governed in bodies(record, Governed))
        assert len(bodies(record, Scanned)[0].report.suppressed) == int(day == last), "it is kept on record"
    assert list(decisions.values()) == [True, False]


async def test_killed_in_the_scan_it_is_scanned_again_and_packed_once(keys: KeyFolder) -> None:
    first = scanned_world(keys, Scanning(every=(Alarm(dies=True),), release=()))
    with pytest.raises(StoreError):
        await first.run()
    (run,) = await first.records.runs()
    alarm = Alarm()
    again = scanned_world(
        keys, Scanning(every=(alarm,), release=()), records=first.records, blobs=first.blobs
    )
    async with again.sandbox:
        record = await again.pipeline.execute(run.id, owner="second")
    assert alarm.asked == len(bodies(record, Scanned)) == 1
    manifest, _ = await again.capsules.load(record.capsule)
    assert manifest.scan is not None and manifest.scan.findings[0].rule == "A1"
