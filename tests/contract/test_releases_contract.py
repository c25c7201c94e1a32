"""What every backend of the releases must do: publish once, never change, point and sign."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from qlayer.errors import ConflictError, NotFoundError
from qlayer.store.base import Releases
from qlayer.store.database import open_database
from qlayer.store.fake import FakeReleases
from qlayer.store.releases import SqlReleases
from qlayer.types.ids import CapsuleId, sha256
from qlayer.types.release import CURRENT, Attestation, ChangeKind, PointerMove, Release
from qlayer.types.signature import KeyId

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EMPTY = "TRUNCATE releases, pointer_moves, attestations"


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.server)])
async def releases(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Releases]:
    if request.param == "fake":
        yield FakeReleases()
        return
    postgres = request.param == "postgres"
    url = (
        request.getfixturevalue("shared_postgres_url") if postgres else f"sqlite+aiosqlite:///{tmp_path}/r.db"
    )
    database = await open_database(url)
    try:
        if postgres:
            async with database.write() as connection:
                await connection.execute(text(EMPTY))
        yield SqlReleases(database)
    finally:
        await database.aclose()


def capsule(content: str) -> CapsuleId:
    return CapsuleId(sha256(content.encode()))


def release(version: str, previous: str | None = None, *, name: str = "books", content: str = "") -> Release:
    return Release(
        name=name,
        version=version,
        capsule=capsule(content or f"{name} {version}"),
        at=AT,
        who="Ada, ünï 字",
        change=ChangeKind.FIX,
        previous=previous,
        notes="quote ' \" %s :x",
    )


async def test_versions_come_back_whole_and_newest_first(releases: Releases) -> None:
    first, second = release("0.1.0"), release("0.2.0", "0.1.0")
    assert await releases.publish(first) and await releases.publish(second)
    assert await releases.history("books") == (second, first)
    assert await releases.history("absent") == ()
    assert await releases.of_capsule(first.capsule) == (first,)


async def test_the_newest_version_of_each_name(releases: Releases) -> None:
    for one in (release("1.0.0"), release("0.1.0", name="other"), release("1.1.0", "1.0.0")):
        await releases.publish(one)
    assert [str(one) for one in await releases.newest()] == ["books 1.1.0", "other 0.1.0"]
    assert len(await releases.newest(limit=1)) == 1


async def test_a_version_is_published_once_and_never_changes(releases: Releases) -> None:
    assert await releases.publish(release("1.0.0"))
    assert not await releases.publish(release("1.0.0"))
    with pytest.raises(ConflictError, match="published already"):
        await releases.publish(release("1.0.0", content="something else"))
    with pytest.raises(ConflictError, match=r"is 1\.0\.0, not None"):
        await releases.publish(release("1.1.0"))
    assert len(await releases.history("books")) == 1


async def test_of_two_who_publish_at_once_one_wins(releases: Releases) -> None:
    await releases.publish(release("1.0.0"))
    rivals = [release("1.1.0", "1.0.0", content=f"rival {number}") for number in range(4)]
    results = await asyncio.gather(*(releases.publish(one) for one in rivals), return_exceptions=True)
    assert [result for result in results if result is True] == [True]
    assert sum(isinstance(result, ConflictError) for result in results) == 3
    newest, _ = await releases.history("books")
    assert newest in rivals


async def test_pointers_remember_every_move(releases: Releases) -> None:
    await releases.publish(release("1.0.0"))
    await releases.publish(release("1.1.0", "1.0.0"))
    moves = [
        PointerMove(name="books", pointer=CURRENT, version=version, at=AT, who="ada", reason=reason)
        for version, reason in (("1.1.0", "release"), ("1.0.0", "1.1.0 loses orders"))
    ]
    for move in moves:
        await releases.point(move)
    assert await releases.moves("books") == tuple(reversed(moves))
    assert await releases.moves("other") == ()
    with pytest.raises(NotFoundError, match=r"no version 3\.0\.0"):
        await releases.point(moves[0].model_copy(update={"version": "3.0.0"}))


async def test_a_signature_is_kept_once(releases: Releases) -> None:
    kept = [
        Attestation(
            capsule=capsule("a"), key=KeyId(key * 64), envelope=sha256(key.encode()), sbom=sha256(b""), at=AT
        )
        for key in "ab"
    ]
    for attestation in kept:
        assert await releases.attest(attestation)
        assert not await releases.attest(attestation)
    assert await releases.attestations(capsule("a")) == tuple(kept)
    assert await releases.attestations(capsule("b")) == ()
