"""Test code that a tester has compiled, for the next run of the same tests: candidates vary, tests repeat.

The host neither compiles nor reads it: a hostile text can crash a compiler, code objects can hold anything.
It goes from one tester to another as bytes. Only the tester's own channel brings it, before the test code has
run and anything of the candidate was read; it is kept under the whole text that it was made from. So the
worst that a text can do is to give itself another meaning, which it could have by its own words.
"""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict

from qlayer.sandbox.warm.observation import Forged, Observation
from qlayer.sandbox.warm.plan import Plan

_MOST_BYTES = 32 * 1024 * 1024
"""Texts and code together; beyond that the longest unused goes."""


class CompiledTests:
    """Belongs to one sandbox, all of whose zygotes are the same interpreter."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def known(self, plan: Plan) -> Plan:
        """The plan, with code instead of a text that was compiled before; else with the wish for it."""
        if plan.tester is None or (text := plan.tester.body.get("tests")) is None:
            return plan
        body = {**plan.tester.body, "keep": True}
        if (code := self._kept.get(text)) is not None:
            self._kept.move_to_end(text)
            body = {**plan.tester.body, "code": code}
            del body["tests"]
        return plan._replace(tester=plan.tester._replace(body=body))

    def learn(self, plan: Plan, seen: Observation) -> None:
        """Keep what the tester of this plan has compiled, if it was asked to."""
        if plan.tester is None or not plan.tester.body.get("keep"):
            return
        text: str = plan.tester.body["tests"]
        if text not in self._kept and (code := _reported(seen, plan.tester.nonce)) is not None:
            self._kept[text] = code
            self._bytes += _size(text, code)
            while self._bytes > self._most_bytes:
                self._bytes -= _size(*self._kept.popitem(last=False))


def _size(text: str, code: bytes) -> int:
    return len(text) + len(code)


def _reported(seen: Observation, nonce: str) -> bytes | None:
    """Of the second line and no other: later ones were written when the test code could have run."""
    lines = seen.lines(seen.tester_report, nonce)
    try:
        first, second = next(lines, None), next(lines, None)
        if first is None or first["kind"] != "ready" or second is None or second["kind"] != "code":
            return None
        return base64.b64decode(second["data"], validate=True)
    except (Forged, KeyError, TypeError, binascii.Error):
        return None
