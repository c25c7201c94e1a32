"""What comes out of a session is believed only where it answers what was asked."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from qlayer.sandbox.sessions.channel import Broken, Channel
from qlayer.sandbox.zygote.report import MAX_LINE

NONCE = "a" * 32


class Driver:
    """The other side, played by the test."""

    def __init__(self, channel: Channel) -> None:
        self.requests = os.dup(channel.requests_end.fileno())
        self.report = os.dup(channel.report.writer)

    def say(self, **message: Any) -> None:
        self.write(json.dumps(message).encode() + b"\n")

    def write(self, data: bytes) -> None:
        os.write(self.report, data)

    def close(self) -> None:
        for fd in (self.requests, self.report):
            os.close(fd)


@pytest.fixture
async def sides() -> AsyncIterator[tuple[Channel, Driver]]:
    channel = Channel(NONCE)
    driver = Driver(channel)
    channel.start()
    yield channel, driver
    channel.close()
    driver.close()


async def asked(channel: Channel) -> asyncio.Task[dict[str, Any]]:
    asking = asyncio.create_task(channel.ask("python", source="1"))
    await asyncio.sleep(0.01)
    return asking


async def test_an_answer_comes_back(sides: tuple[Channel, Driver]) -> None:
    channel, driver = sides
    asking = await asked(channel)
    assert json.loads(os.read(driver.requests, 1000)) == {"op": "python", "number": 1, "source": "1"}
    driver.say(nonce=NONCE, kind="answer", number=1, status=0)
    assert (await asking)["status"] == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"no JSON\n", "something else"),
        (b"[" * 100_000 + b"\n", "something else"),
        (b'["a list"]\n', "something else"),
        (b'{"kind": "answer", "number": 1, "status": 0}\n', "something else"),
        (b'{"nonce": "guessed", "kind": "answer", "number": 1}\n', "something else"),
        (json.dumps({"nonce": NONCE, "kind": "answer", "number": 2}).encode() + b"\n", "nobody asked for"),
        (json.dumps({"nonce": NONCE, "kind": "ready"}).encode() + b"\n", "nobody asked for"),
    ],
)
async def test_anything_else_is_broken(sides: tuple[Channel, Driver], line: bytes, reason: str) -> None:
    channel, driver = sides
    asking = await asked(channel)
    await asyncio.to_thread(driver.write, line)
    with pytest.raises(Broken, match=reason):
        await asking


async def test_an_answer_before_the_question_is_dropped(sides: tuple[Channel, Driver]) -> None:
    channel, driver = sides
    driver.say(nonce=NONCE, kind="answer", number=1, status=7)
    await asyncio.sleep(0.05)
    asking = await asked(channel)
    driver.say(nonce=NONCE, kind="answer", number=1, status=0)
    assert (await asking)["status"] == 0


async def test_a_line_without_an_end_is_not_kept(sides: tuple[Channel, Driver]) -> None:
    channel, driver = sides
    asking = await asked(channel)
    piece = b"x" * 65_536
    for _ in range(MAX_LINE // len(piece) + 1):
        await asyncio.to_thread(driver.write, piece)
    with pytest.raises(Broken, match="flooded"):
        await asyncio.wait_for(asking, 10)


async def test_closing_tells_whoever_waits(sides: tuple[Channel, Driver]) -> None:
    channel, _ = sides
    asking = await asked(channel)
    channel.close()
    with pytest.raises(Broken, match="closed"):
        await asking
