"""A queue in which tenants take turns: one with a thousand items does not keep another's first waiting."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First in, first out within a tenant; round robin among tenants. For one event loop."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def put(self, tenant: str, value: T, *, first: bool = False) -> None:
        """`first` puts it before the tenant's others: it has waited already."""
        line = self._waiting.setdefault(tenant, deque())
        if first:
            line.appendleft(value)
        else:
            line.append(value)
        self._filled.set()

    def discard(self, tenant: str, value: T) -> None:
        """Take a value out unworked; nothing happens when it is not there."""
        line = self._waiting.get(tenant, deque[T]())
        if value in line:
            line.remove(value)
            if not line:
                del self._waiting[tenant]

    def take(self) -> T | None:
        """The next value, or None when nothing waits. The tenant goes to the end of the round."""
        if not self._waiting:
            self._filled.clear()
            return None
        tenant, line = self._waiting.popitem(last=False)
        value = line.popleft()
        if line:
            self._waiting[tenant] = line
        return value

    async def get(self) -> T:
        """The next value, waited for."""
        while True:
            value = self.take()
            if value is not None:
                return value
            await self._filled.wait()
