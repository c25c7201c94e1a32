"""What everything that prepares packages must do, the fake included."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from package_index import Index, serving, wheel

from qlayer.errors import DependencyError, NotFoundError, TierUnavailable
from qlayer.sandbox import capabilities
from qlayer.sandbox.environments.base import EnvironmentId, Environments, Step
from qlayer.sandbox.environments.cache import CachedEnvironments
from qlayer.sandbox.environments.config import EnvironmentsConfig
from qlayer.sandbox.environments.fake import FakeEnvironments
from qlayer.sandbox.environments.parse import parse_lock
from qlayer.types.verdict import Tier


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with serving() as index:
        index.hashes = {name: index.add(wheel(name)) for name in ("one", "two")}
        yield index


@pytest.fixture(params=["cached", "fake"])
def environments(request: pytest.FixtureRequest, index: Index, tmp_path: Path) -> Environments:
    if request.param == "fake":
        return FakeEnvironments(tmp_path, {(name, "1.0"): {hash} for name, hash in index.hashes.items()})
    try:
        capabilities.require(Tier.USERNS, capabilities.probe().capabilities)
    except TierUnavailable as missing:
        pytest.skip(f"packages cannot be prepared: {missing}")
    return CachedEnvironments(EnvironmentsConfig(folder=tmp_path, index_url=index.url))


def lock_of(index: Index, *names: str, version: str = "1.0", hash: str | None = None) -> bytes:
    return index.lock(*((name, version, hash or index.hashes.get(name, "0" * 64)) for name in names))


async def prepared(environments: Environments, data: bytes) -> EnvironmentId:
    return await environments.prepare(parse_lock("requirements.txt", data))


async def test_the_same_pins_are_the_same_packages(environments: Environments, index: Index) -> None:
    first = await prepared(environments, lock_of(index, "one", "two"))
    second = await prepared(environments, b"# again\n" + lock_of(index, "two", "one"))
    other = await prepared(environments, lock_of(index, "one"))
    assert first == second != other
    assert environments.path(first).is_dir()
    assert [each.id for each in environments.list()] == [other, first]
    assert environments.list()[1].packages == ("one==1.0", "two==1.0")


async def test_progress_names_each_package(environments: Environments, index: Index) -> None:
    steps: list[Step] = []
    await environments.prepare(parse_lock("x.txt", lock_of(index, "one", "two")), steps.append)
    assert [(step.package, step.of) for step in steps if step.package] == [("one", 2), ("two", 2)]


@pytest.mark.parametrize(
    ("name", "version", "hash"),
    [("onee", "1.0", None), ("one", "9.9", None), ("one", "1.0", "0" * 64)],
    ids=["unknown name", "unknown version", "unknown hash"],
)
async def test_a_lock_that_cannot_be_had_is_the_projects_fault(
    environments: Environments, index: Index, name: str, version: str, hash: str | None
) -> None:
    data = b"# first\n" + lock_of(index, "two") + lock_of(index, name, version=version, hash=hash)
    with pytest.raises(DependencyError, match=name) as caught:
        await prepared(environments, data)
    assert caught.value.field == "requirements.txt:3" and not caught.value.retryable
    assert environments.list() == ()


async def test_prune_removes_by_age_and_by_size(environments: Environments, index: Index) -> None:
    first = await prepared(environments, lock_of(index, "one"))
    second = await prepared(environments, lock_of(index, "two"))
    assert environments.prune(older_than=timedelta(days=1)) == ()
    assert environments.prune(keep_bytes=sum(each.bytes for each in environments.list())) == ()
    kept = next(each for each in environments.list() if each.id == second)
    assert [each.id for each in environments.prune(keep_bytes=kept.bytes)] == [first]
    with pytest.raises(NotFoundError):
        environments.path(first)
    assert [each.id for each in environments.prune(older_than=timedelta(0))] == [second]
    assert environments.list() == ()
    assert await prepared(environments, lock_of(index, "one")) == first
