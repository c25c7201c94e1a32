"""Several calls to a store at the same time, a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

AT_ONCE = 8
"""Blobs read or written at the same time."""


async def all_of(calls: Iterable[Coroutine[Any, Any, _Item]]) -> list[_Item]:
    """All results in order. When calls fail the first error is raised, after every call has ended."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def batches(items: Iterable[_Item]) -> Iterator[tuple[_Item, ...]]:
    """The items in order, `AT_ONCE` at a time."""
    listed = tuple(items)
    for start in range(0, len(listed), AT_ONCE):
        yield listed[start : start + AT_ONCE]


async def each(
    items: Iterable[_Item], call: Callable[[_Item], Coroutine[Any, Any, _Result]]
) -> AsyncIterator[tuple[_Item, _Result]]:
    """Every item with what the call gave for it, in order, `AT_ONCE` calls at the same time."""
    for batch in batches(items):
        for pair in zip(batch, await all_of(call(item) for item in batch), strict=True):
            yield pair
