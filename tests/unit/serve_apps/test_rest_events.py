"""Following a run: server-sent events that can be resumed, and followers that are freed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest
from rest_world import Client, World, new_id, request_for, until

from qlayer.errors import StoreError
from qlayer.events.base import LiveText
from qlayer.types.run import Started

FOLLOWERS = "qlayer_api_followers"


async def frames(answer: httpx.Response) -> AsyncGenerator[dict[str, str]]:
    """Frames as a browser would read them; comments under the key ``comment``."""
    frame: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            if frame:
                yield frame
            frame = {}
        elif line.startswith(":"):
            frame["comment"] = line[1:].strip()
        else:
            name, _, value = line.partition(": ")
            frame[name] = value


async def read_all(http: httpx.AsyncClient, path: str, **headers: str) -> list[dict[str, str]]:
    async with http.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [frame async for frame in frames(answer) if "event" in frame]


async def test_a_finished_run_is_told_from_its_beginning_to_its_end(world: World, server: Client) -> None:
    run_id = await world.finished_run()
    async with server() as http:
        seen = await read_all(http, f"/runs/{run_id}/events")
    assert [(frame["id"], frame["event"]) for frame in seen] == [
        ("1", "submitted"),
        ("2", "started"),
        ("3", "finished"),
    ]
    record = await world.records.run(run_id)
    assert [frame["data"] for frame in seen] == [event.model_dump_json() for event in record.events]


@pytest.mark.parametrize("way", ["header", "query"])
async def test_a_client_that_comes_back_misses_nothing_and_sees_nothing_twice(
    world: World, server: Client, way: str
) -> None:
    run_id = await world.finished_run()
    async with server() as http:
        if way == "header":
            seen = await read_all(http, f"/runs/{run_id}/events", **{"Last-Event-ID": "1"})
        else:
            seen = await read_all(http, f"/runs/{run_id}/events?after=1")
    assert [frame["id"] for frame in seen] == ["2", "3"]


async def test_after_the_end_204_stops_a_browser(world: World, server: Client) -> None:
    run_id = await world.finished_run()
    async with server() as http:
        answer = await http.get(f"/runs/{run_id}/events", headers={"Last-Event-ID": "3"})
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("headers", "query", "field"),
    [
        ({"Last-Event-ID": "next"}, "", "header.last-event-id"),
        ({"Last-Event-ID": "-1"}, "", "header.last-event-id"),
        ({}, "?after=-1", "query.after"),
        ({}, "?after=9", "after"),
    ],
)
async def test_a_place_that_cannot_be_is_refused(
    world: World, server: Client, headers: dict[str, str], query: str, field: str
) -> None:
    run_id = await world.finished_run()
    async with server() as http:
        answer = await http.get(f"/runs/{run_id}/events{query}", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_an_unknown_run_is_404_before_any_stream(server: Client) -> None:
    async with server() as http:
        answer = await http.get("/runs/run-000000000000-00000000/events")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_live_text_has_no_id_and_silence_is_filled(world: World, server: Client) -> None:
    goes_on = asyncio.Event()
    world.pipeline.work = lambda _: goes_on.wait()  # type: ignore[assignment,return-value]
    run_id, _ = await world.records.submit(new_id(), request_for())
    seen: list[dict[str, str]] = []
    async with server(heartbeat_s=0.05) as http, http.stream("GET", f"/runs/{run_id}/events") as answer:
        async for frame in frames(answer):
            seen.append(frame)
            if frame.get("event") == "started":
                world.feed.publish(LiveText(run_id=run_id, slot="f", attempt=0, text="def f"))
            if frame.get("event") == "text":
                assert "id" not in frame
                assert '"text":"def f"' in frame["data"]
            if frame.get("comment") and any(f.get("event") == "text" for f in seen):
                goes_on.set()
    assert [frame["event"] for frame in seen if "event" in frame] == [
        "submitted",
        "started",
        "text",
        "finished",
    ]


async def test_a_client_that_goes_away_is_not_followed_for(world: World, server: Client) -> None:
    world.pipeline.work = lambda _: asyncio.Event().wait()  # type: ignore[assignment,return-value]
    run_id, _ = await world.records.submit(new_id(), request_for())
    async with server(heartbeat_s=0.05) as http:
        async with http.stream("GET", f"/runs/{run_id}/events") as answer:
            following = frames(answer)  # let go of, it would hang up by itself
            async for frame in following:
                if frame.get("event") == "started":
                    break
            assert f"{FOLLOWERS} 1.0" in (await http.get("/metrics")).text
            await following.aclose()

        async def freed() -> bool:
            return f"{FOLLOWERS} 0.0" in (await http.get("/metrics")).text

        await until(freed)
    assert world.feed._followers == {}


async def test_a_store_that_breaks_while_following_ends_the_stream_with_a_problem(
    world: World, server: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, _ = await world.records.submit(new_id(), request_for())
    await world.records.claim(run_id, "elsewhere", 3600)
    await world.records.append(run_id, Started(owner="elsewhere"))
    async with server() as http, http.stream("GET", f"/runs/{run_id}/events") as answer:
        seen = []
        async for frame in frames(answer):
            seen.append(frame)
            if frame.get("event") == "started":

                async def broken(*args: object, **kwargs: object) -> None:
                    raise StoreError("the disk is gone")

                monkeypatch.setattr(world.records, "history", broken)
    assert seen[-1]["event"] == "problem"
    assert '"retryable":true' in seen[-1]["data"]
