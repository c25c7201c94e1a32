"""What every backend of the memories must do: keep, find, count and forget."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from memory_samples import RUN, sample_correction
from sqlalchemy import text

from qlayer.store.base import Memories
from qlayer.store.database import open_database
from qlayer.store.fake import FakeMemories
from qlayer.store.memories import SqlMemories
from qlayer.types.ids import RunId
from qlayer.types.memory import MemoryId

LATER = RunId("run-000000000002-bbbbbbbb")
RULE = MemoryId("rule-0123456789ab")
EMPTY = "TRUNCATE corrections, correction_vectors, memory_uses, forgotten_rules"


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.server)])
async def memories(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Memories]:
    if request.param == "fake":
        yield FakeMemories()
        return
    postgres = request.param == "postgres"
    url = (
        request.getfixturevalue("shared_postgres_url") if postgres else f"sqlite+aiosqlite:///{tmp_path}/m.db"
    )
    database = await open_database(url)
    try:
        if postgres:
            async with database.write() as connection:
                await connection.execute(text(EMPTY))
        yield SqlMemories(database)
    finally:
        await database.aclose()


async def test_corrections_come_back_whole_and_oldest_first(memories: Memories) -> None:
    awkward = "NUL \x00, quote ' \" %s :x, Ünï, 字, 🎉"
    kept = [sample_correction(name, brief=awkward + name) for name in ("z", "a", "m")]
    for correction in kept:
        assert await memories.remember(correction)
    assert await memories.corrections() == tuple(kept)


async def test_the_same_correction_twice_is_one_and_the_first_stays(memories: Memories) -> None:
    first, again = sample_correction(who="ada"), sample_correction(who="bob")
    assert first.id == again.id
    assert await memories.remember(first)
    assert not await memories.remember(again)
    assert await memories.corrections() == (first,)


async def test_a_forgotten_correction_is_gone_with_its_vectors_and_uses(memories: Memories) -> None:
    first, second = sample_correction("one"), sample_correction("two")
    for correction in (first, second):
        await memories.remember(correction)
        await memories.keep_vectors("e", {correction.id: (1.0, 0.5)})
    await memories.mark_used([first.id, second.id], RUN)
    await memories.forget(first.id)
    await memories.forget(first.id)
    assert await memories.corrections() == (second,)
    assert dict(await memories.vectors("e")) == {second.id: (1.0, 0.5)}
    assert dict(await memories.uses()) == {second.id: 1}
    assert await memories.remember(first), "a person may make the same correction again"


async def test_a_forgotten_rule_stays_forgotten(memories: Memories) -> None:
    assert await memories.forgotten() == frozenset()
    await memories.forget(RULE)
    await memories.forget(RULE)
    assert await memories.forgotten() == {RULE}


async def test_uses_count_runs_and_not_calls(memories: Memories) -> None:
    await memories.mark_used([RULE], RUN)
    await memories.mark_used([RULE], RUN)
    await memories.mark_used([RULE], LATER)
    assert dict(await memories.uses()) == {RULE: 2}


async def test_vectors_are_kept_by_embedder_and_only_for_what_is_known(memories: Memories) -> None:
    known = sample_correction()
    await memories.remember(known)
    await memories.keep_vectors("one", {known.id: (0.25, -1.0), MemoryId("cor-ffffffffffff"): (1.0, 1.0)})
    await memories.keep_vectors("one", {known.id: (9.0, 9.0)})
    await memories.keep_vectors("two", {known.id: (1.0,)})
    assert dict(await memories.vectors("one")) == {known.id: (0.25, -1.0)}
    assert dict(await memories.vectors("two")) == {known.id: (1.0,)}
    assert dict(await memories.vectors("three")) == {}


async def test_the_same_correction_from_many_sides_at_once_is_one(memories: Memories) -> None:
    correction = sample_correction()
    answers = await asyncio.gather(*(memories.remember(correction) for _ in range(5)))
    assert sorted(answers) == [False] * 4 + [True]
    assert len(await memories.corrections()) == 1
