"""Requests for an application: near relatives of those that a trusted plan makes.

A body loses a field or has one changed, a number in the path becomes another, or a request is made once more.
Which answer is right is not known here; what can be seen is whether the application breaks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from qlayer.types.check import Case
from qlayer.validation.inputs.values import Drawer, Pool

_MAX_DRAWS = 2_000
_NUMBER = re.compile(r"(?<=/)\d+(?=/|\?|$)")
_OTHER_IDS = ("1", "2", "3", "999")


def draw_requests(cases: Sequence[Case], *, count: int, seed: int = 0) -> tuple[Case, ...]:
    """At most `count` different requests that none of `cases` makes, without an expectation.

    `cases` are those of an HTTP plan. Fewer come back when they have nothing that could vary. Deterministic.
    """
    known = [request for request in (ast.literal_eval(case.kwargs) for case in cases) if request]
    if not known:
        return ()
    drawer = _RequestDrawer(Random(f"{seed} requests"), known)
    seen = {repr(request) for request in known}
    drawn: list[str] = []
    for request in drawer.endless():
        text = repr(request)
        if text not in seen:
            seen.add(text)
            drawn.append(text)
        if len(drawn) == count:
            break
    return tuple(
        Case(name=f"drawn {number}", function=cases[0].function, kwargs=text)
        for number, text in enumerate(drawn)
    )


class _RequestDrawer:
    def __init__(self, random: Random, known: Sequence[dict[str, Any]]) -> None:
        self._random = random
        self._known = known
        self._drawer = Drawer(random, Pool(request.get("body") for request in known))

    def endless(self) -> Iterator[dict[str, Any]]:
        for number in range(_MAX_DRAWS):
            base = self._known[number % len(self._known)]
            yield {**base, "path": self._path(base["path"]), "body": self._body(base.get("body"))}

    def _path(self, path: str) -> str:
        if self._random.random() < 0.5:
            return path
        return _NUMBER.sub(lambda _: self._random.choice(_OTHER_IDS), path)

    def _body(self, body: Any) -> Any:
        if not isinstance(body, dict) or not body:
            return body
        if self._random.random() < 0.2:
            gone = self._random.choice(sorted(body))
            return {key: value for key, value in body.items() if key != gone}
        return self._drawer.mutated(body)
