"""Tenants take turns; nothing is lost while they do."""

from __future__ import annotations

import asyncio

from qlayer.executor.fair import FairQueue


def drained(queue: FairQueue[int]) -> list[int]:
    return [value for _ in range(len(queue)) if (value := queue.take()) is not None]


def test_tenants_take_turns() -> None:
    queue = FairQueue[int]()
    for value in (1, 2, 3):
        queue.put("a", value)
    queue.put("b", 10)
    queue.put("c", 20)
    assert drained(queue) == [1, 10, 20, 2, 3]
    assert queue.take() is None


def test_what_comes_back_is_first_of_its_tenant() -> None:
    queue = FairQueue[int]()
    queue.put("a", 1)
    queue.put("a", 2)
    assert queue.take() == 1
    queue.put("a", 1, first=True)
    assert drained(queue) == [1, 2]


def test_what_is_discarded_is_not_given() -> None:
    queue = FairQueue[int]()
    queue.put("a", 1)
    queue.put("b", 2)
    queue.discard("a", 1)
    queue.discard("a", 1)
    assert drained(queue) == [2]


async def test_a_waiting_taker_gets_what_is_put() -> None:
    queue = FairQueue[int]()
    takers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    for value in range(3):
        queue.put("a", value)
    async with asyncio.timeout(30):
        assert sorted(await asyncio.gather(*takers)) == [0, 1, 2]
