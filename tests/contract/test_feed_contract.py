"""What every feed must do: all durable events once and in order, live text in between, an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from qlayer.errors import InputError, NotFoundError
from qlayer.events.base import LiveText
from qlayer.events.outbox import LIVE_BACKLOG, PAGE, OutboxFeed
from qlayer.store.base import Records
from qlayer.store.fake import FakeRecords
from qlayer.store.records import open_records
from qlayer.types.ids import RunId
from qlayer.types.run import Finished, RunEvent, RunRequest, RunStatus, Started
from qlayer.types.usage import TokenUsage

RUN = RunId("run-000000000001-aaaaaaaa")
OTHER = RunId("run-000000000002-bbbbbbbb")
END = Finished(status=RunStatus.SUCCEEDED, reason="done", seconds=1.0, usage=TokenUsage())
LONG_POLL_S = 200.0
"""Longer than a test may take: what is seen in time was not seen by polling."""


def text(number: int, *, run_id: RunId = RUN, attempt: int = 0) -> LiveText:
    return LiveText(run_id=run_id, slot="f", attempt=attempt, text=str(number))


@pytest.fixture(params=["fake", "sqlite"])
async def records(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Records]:
    opened: Records = FakeRecords()
    if request.param == "sqlite":
        opened = await open_records(f"sqlite+aiosqlite:///{tmp_path / 'runs.db'}")
    for run_id in (RUN, OTHER):
        await opened.submit(run_id, RunRequest(text="anything"))
    try:
        yield opened
    finally:
        await opened.aclose()


async def seqs(feed: OutboxFeed, *, after: int = 0) -> list[int]:
    return [item.seq async for item in feed.follow(RUN, after=after) if isinstance(item, RunEvent)]


async def begun(following: AsyncGenerator[Any, None]) -> RunEvent:
    """Take the first event, so that the follower is known to the feed."""
    first = await anext(following)
    assert isinstance(first, RunEvent)
    return first


async def test_a_finished_run_is_shown_whole_and_ends(records: Records) -> None:
    for number in range(PAGE + 10):  # more than one page
        await records.append(RUN, Started(owner=str(number)))
    await records.append(RUN, END)
    assert await seqs(OutboxFeed(records)) == list(range(1, PAGE + 13))


async def test_followers_see_concurrent_appends_without_gap_or_repeat(records: Records) -> None:
    feed = OutboxFeed(records, poll_s=0.01)

    async def write(name: str) -> None:
        for number in range(20):
            await records.append(RUN, Started(owner=f"{name}-{number}"))
            feed.publish(text(number))
            await asyncio.sleep(0)

    followers = [asyncio.create_task(seqs(feed, after=after)) for after in (0, 0, 1)]
    await asyncio.gather(*(write(str(number)) for number in range(4)))
    await records.append(RUN, END)
    assert await asyncio.gather(*followers) == [list(range(1, 83)), list(range(1, 83)), list(range(2, 83))]


async def test_following_goes_on_where_it_was_broken_off(records: Records) -> None:
    feed = OutboxFeed(records, poll_s=0.01)
    for number in range(5):
        await records.append(RUN, Started(owner=str(number)))
    seen: list[int] = []
    async with aclosing(feed.follow(RUN)) as following:
        async for item in following:
            assert isinstance(item, RunEvent)
            seen.append(item.seq)
            if item.seq == 3:
                break
    await records.append(RUN, END)
    assert seen + await seqs(feed, after=seen[-1]) == list(range(1, 8))


async def test_following_after_the_end_ends_at_once(records: Records) -> None:
    last = await records.append(RUN, END)
    assert await seqs(OutboxFeed(records), after=last.seq) == []


async def test_an_event_that_is_not_there_yet_cannot_be_followed_after(records: Records) -> None:
    with pytest.raises(InputError) as raised:
        await seqs(OutboxFeed(records), after=7)
    assert raised.value.field == "after"


async def test_an_unknown_run_is_not_found(records: Records) -> None:
    with pytest.raises(NotFoundError):
        await anext(OutboxFeed(records).follow(RunId("run-00000000000f-ffffffff")))


async def test_live_text_is_shown_at_once(records: Records) -> None:
    feed = OutboxFeed(records, poll_s=LONG_POLL_S)
    async with aclosing(feed.follow(RUN)) as following:
        await begun(following)
        waiting = asyncio.create_task(anext(following))
        await asyncio.sleep(0.05)
        feed.publish(text(1))
        feed.publish(text(2, run_id=OTHER))
        assert await waiting == text(1)
        feed.publish(text(3))
        assert await anext(following) == text(3)


async def test_a_notified_event_is_shown_at_once(records: Records) -> None:
    feed = OutboxFeed(records, poll_s=LONG_POLL_S)
    async with aclosing(feed.follow(RUN)) as following:
        await begun(following)
        waiting = asyncio.create_task(anext(following))
        await asyncio.sleep(0.05)
        event = await records.append(RUN, Started(owner="a"))
        feed.notify(RUN)
        assert await waiting == event


async def test_what_led_to_an_attempt_is_shown_before_its_text(records: Records) -> None:
    feed = OutboxFeed(records, poll_s=LONG_POLL_S)
    async with aclosing(feed.follow(RUN)) as following:
        await begun(following)
        feed.publish(text(1, attempt=0))
        assert await anext(following) == text(1, attempt=0)
        event = await records.append(RUN, Started(owner="a"))
        feed.publish(text(2, attempt=1))
        feed.publish(text(3, attempt=1))
        shown = [await anext(following) for _ in range(3)]
        assert shown == [event, text(2, attempt=1), text(3, attempt=1)]


async def test_a_slow_follower_loses_text_but_no_event(records: Records) -> None:
    feed = OutboxFeed(records, poll_s=0.01)
    async with aclosing(feed.follow(RUN)) as following:
        await begun(following)
        for number in range(LIVE_BACKLOG * 2):
            feed.publish(text(number))
        for number in range(10):
            await records.append(RUN, Started(owner=str(number)))
        rest = [await anext(following) for _ in range(LIVE_BACKLOG + 10)]
        await records.append(RUN, END)
        rest += [item async for item in following]
    texts = [item.text for item in rest if isinstance(item, LiveText)]
    assert texts == [str(number) for number in range(LIVE_BACKLOG, LIVE_BACKLOG * 2)]
    assert [item.seq for item in rest if isinstance(item, RunEvent)] == list(range(2, 13))


async def test_endless_text_does_not_hide_events(records: Records) -> None:
    feed = OutboxFeed(records, poll_s=0.01)
    async with aclosing(feed.follow(RUN)) as following:
        await begun(following)
        await records.append(RUN, END)
        for number in range(1_000_000):
            feed.publish(text(number))
            item = await anext(following)
            if isinstance(item, RunEvent):
                break
        assert item.body == END


async def test_closing_forgets_the_follower(records: Records) -> None:
    feed = OutboxFeed(records, poll_s=LONG_POLL_S)
    following = feed.follow(RUN)
    await begun(following)
    assert feed.followers(RUN) == 1
    waiting = asyncio.create_task(anext(following))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await following.aclose()
    assert feed.followers(RUN) == 0
    feed.publish(text(1))
    with pytest.raises(StopAsyncIteration):
        await anext(following)
