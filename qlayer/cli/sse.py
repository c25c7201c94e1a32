"""Reads a run's server-sent events (WHATWG HTML, section 9.2) from lines of text."""

from __future__ import annotations

from collections.abc import AsyncIterator

from qlayer.types.frozen import Frozen


class Frame(Frozen):
    """One event of the stream."""

    event: str
    data: str


async def frames(lines: AsyncIterator[str]) -> AsyncIterator[Frame]:
    """Whole events; one that the connection's end cut off is dropped. Comments keep a line alive, no more."""
    event, data = "message", list[str]()
    async for line in lines:
        if not line:
            if data:
                yield Frame(event=event, data="\n".join(data))
            event, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            event = value
        elif field == "data":
            data.append(value)
