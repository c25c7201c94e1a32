"""A run that ends in a release: signed with a real key, put to the shipped policy, resumable in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from test_pipeline import RIGHT, WRONG, World, bodies

from qlayer.errors import InputError, NotFoundError, StoreError
from qlayer.governance.policy import Policy
from qlayer.packaging.attestation import Attestations
from qlayer.packaging.images import Images
from qlayer.pipeline.releasing import Releasing
from qlayer.signing.key_file import KeyFolder
from qlayer.store.fake import FakeReleases
from qlayer.types.policy import PolicyDecision, ReleaseFacts
from qlayer.types.run import Governed, ImageBuilt, RunStatus, Signed

POLICY = Policy()


class ReleasingWorld(World):
    """A world that can release; `decide` stands in for the policy."""

    def __init__(
        self,
        script: Any,
        keys: KeyFolder,
        decide: Callable[[ReleaseFacts], PolicyDecision] = POLICY.decide,
        releases: FakeReleases | None = None,
        **known: Any,
    ) -> None:
        super().__init__(script, **known)
        self.releases = releases or FakeReleases()
        self.attestations = Attestations(self.capsules, self.blobs, self.releases)
        releasing = Releasing(
            capsules=self.capsules,
            attestations=self.attestations,
            signer=lambda: keys.signer("release"),
            trust=keys.trust,
            decide=decide,
            compile=POLICY.compile,
            environments=POLICY.environments,
            images=Images(self.capsules, self.attestations, None),
            now=lambda: datetime.now(UTC),
        )
        self.pipeline = replace(self.pipeline, releasing=releasing)


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    folder = KeyFolder(tmp_path / "keys")
    folder.create("release", datetime.now(UTC))
    return folder


async def test_a_proved_capsule_is_signed_and_allowed_for_development(keys: KeyFolder) -> None:
    world = ReleasingWorld(lambda _: RIGHT, keys)
    record = await world.run(release_to="development")
    (signed,), (governed,) = bodies(record, Signed), bodies(record, Governed)
    assert signed.capsule == record.capsule and signed.name == "release"
    (built,) = bodies(record, ImageBuilt)
    assert len(built.attached) == 2, "the bill of materials and one signature"
    assert governed.decision.allow and record.finished.reason.endswith("allowed for development")
    verified = await world.attestations.verify(record.capsule, keys.trust(), signed=True)
    assert all(step.ok for step in verified.steps)


async def test_a_denial_keeps_the_capsule_and_says_why(keys: KeyFolder) -> None:
    record = await ReleasingWorld(lambda _: WRONG, keys).run(release_to="production")
    (governed,) = bodies(record, Governed)
    assert not governed.decision.allow
    assert any("level" in reason for reason in governed.decision.reasons)
    assert record.status is RunStatus.SUCCEEDED and record.capsule is not None
    assert "denied for production" in record.finished.reason and bodies(record, ImageBuilt) == []


async def test_what_cannot_be_released_is_refused_before_the_run(keys: KeyFolder, tmp_path: Path) -> None:
    world = ReleasingWorld(lambda _: RIGHT, keys)
    with pytest.raises(InputError) as unknown:
        await world.run(release_to="the moon")
    assert unknown.value.field == "release_to" and "staging" in str(unknown.value.limit)
    with pytest.raises(NotFoundError, match="no active key"):
        await ReleasingWorld(lambda _: RIGHT, KeyFolder(tmp_path / "none")).run(release_to="staging")
    with pytest.raises(InputError, match="sign"):
        await World(lambda _: RIGHT).run(release_to="staging")
    assert await world.records.runs() == ()


async def test_killed_after_signing_it_is_signed_once(keys: KeyFolder) -> None:
    def dies(_: ReleaseFacts) -> PolicyDecision:
        raise StoreError("the process was killed here")

    first = ReleasingWorld(lambda _: RIGHT, keys, dies)
    with pytest.raises(StoreError):
        await first.run(release_to="development")
    (run,) = await first.records.runs()
    again = ReleasingWorld(
        lambda _: WRONG, keys, records=first.records, blobs=first.blobs, releases=first.releases
    )
    async with again.sandbox:
        record = await again.pipeline.execute(run.id, owner="second")
    assert len(bodies(record, Signed)) == len(bodies(record, Governed)) == 1
    assert len(await first.releases.attestations(record.capsule)) == 1
    assert record.status is RunStatus.SUCCEEDED
