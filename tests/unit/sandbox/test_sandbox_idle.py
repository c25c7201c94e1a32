"""Zygotes that wait: which one works next, and which ones end when nobody needs them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from qlayer.sandbox.warm.idle import IdleZygotes
from qlayer.sandbox.warm.plan import Kind


class Stub:
    """What the pool knows of a zygote."""

    def __init__(self, kind: Kind = Kind.BARE, *, alive: bool = True) -> None:
        self.spec = SimpleNamespace(kind=kind)
        self.alive = alive

    async def close(self) -> None:
        self.alive = False


def pool(idle_s: float | None, *zygotes: Any) -> IdleZygotes:
    made = IdleZygotes(idle_s)
    for zygote in zygotes:
        made.put(zygote)
    return made


async def test_the_last_to_wait_works_next() -> None:
    first, web, second = Stub(), Stub(Kind.WEB), Stub()
    idle = pool(None, first, web, second)
    assert await idle.take(Kind.BARE) is second  # type: ignore[comparison-overlap]
    assert await idle.take(Kind.BARE) is first  # type: ignore[comparison-overlap]
    assert await idle.take(Kind.BARE) is None
    assert len(idle) == 1


async def test_the_dead_are_passed_over() -> None:
    living, dead = Stub(), Stub(alive=False)
    idle = pool(None, living, dead)
    assert await idle.take(Kind.BARE) is living  # type: ignore[comparison-overlap]
    assert len(idle) == 0


async def test_those_above_the_first_end_after_a_while() -> None:
    first, second, web = Stub(), Stub(), Stub(Kind.WEB)
    idle = pool(0.05, web, first, second)
    while second.alive or web.alive:  # noqa: ASYNC110  # nothing tells when a zygote is let go
        await asyncio.sleep(0.01)
    assert first.alive
    assert len(idle) == 1
    await idle.close()
    assert not first.alive


async def test_without_a_time_nothing_ends() -> None:
    zygotes = [Stub(), Stub(), Stub(Kind.WEB)]
    idle = pool(None, *zygotes)
    await asyncio.sleep(0.1)
    assert all(zygote.alive for zygote in zygotes)
    await idle.close()
    assert not any(zygote.alive for zygote in zygotes)
