"""Which sessions are alive, how many there may be, and why the others have ended."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Generic, TypeVar

from qlayer.errors import NotFoundError, SessionGone, SessionsFull

REMEMBERED = 1_000
"""Ended sessions whose reason is kept."""
S = TypeVar("S")


def new_id() -> str:
    """Random, so never used twice."""
    return "ses-" + secrets.token_hex(16)


class Registry(Generic[S]):
    """At most `most` sessions at once. Places are taken before a session is started."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._starting = 0
        self._alive: dict[str, S] = {}
        self._gone: OrderedDict[str, str] = OrderedDict()

    def reserve(self) -> None:
        """Raises `SessionsFull`."""
        if len(self._alive) + self._starting >= self._most:
            raise SessionsFull(
                f"{self._most} sessions are open, and no more are allowed",
                hint="close one, or try again later",
            )
        self._starting += 1

    def admit(self, session_id: str, session: S | None) -> None:
        """Fill the place that was reserved, or give it back."""
        self._starting -= 1
        if session is not None:
            self._alive[session_id] = session

    def end(self, session_id: str, reason: str) -> None:
        self._alive.pop(session_id, None)
        self._gone[session_id] = reason
        while len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)

    def get(self, session_id: str) -> S:
        """Raises `SessionGone`, `NotFoundError`."""
        if session_id in self._gone:
            raise SessionGone(f"session {session_id} has ended: {self._gone[session_id]}")
        try:
            return self._alive[session_id]
        except KeyError:
            raise NotFoundError(f"no session {session_id}", kind="session") from None

    def alive(self) -> tuple[S, ...]:
        """Oldest first."""
        return tuple(self._alive.values())
