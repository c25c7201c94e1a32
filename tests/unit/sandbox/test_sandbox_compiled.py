"""Compiled test code is kept under its text, taken from one place of the tester's channel, and bounded."""

from __future__ import annotations

import base64
import json

from qlayer.sandbox.base import Limits, SplitJob
from qlayer.sandbox.cgroup import Counters
from qlayer.sandbox.warm.compiled import CompiledTests
from qlayer.sandbox.warm.observation import Observation
from qlayer.sandbox.warm.plan import Plan, make
from qlayer.types.source import SourceTree


def _plan(tests: str = "assert one() == 1") -> Plan:
    tree = SourceTree().with_files({"main.py": "def one():\n    return 1\n"})
    return make(SplitJob(tree=tree, module="main", function="one", tests=tests))


def _seen(plan: Plan, *kinds: str, nonce: str | None = None) -> Observation:
    """What a tester reports; the data of its n-th line is n."""
    assert plan.tester is not None
    lines = [
        {
            "nonce": plan.tester.nonce if nonce is None else nonce,
            "kind": kind,
            "data": base64.b64encode(bytes([number])).decode(),
        }
        for number, kind in enumerate(kinds)
    ]
    report = "".join(json.dumps(line) + "\n" for line in lines).encode()
    return Observation(Limits(), None, None, Counters(), 1.0, b"", b"", 0, b"", report)


def _code(kept: CompiledTests, tests: str = "assert one() == 1") -> bytes | None:
    tester = kept.known(_plan(tests)).tester
    assert tester is not None
    assert ("tests" in tester.body) is ("code" not in tester.body)
    code: bytes | None = tester.body.get("code")
    return code


def _learned(*kinds: str, nonce: str | None = None) -> CompiledTests:
    kept = CompiledTests()
    plan = kept.known(_plan())
    kept.learn(plan, _seen(plan, *kinds, nonce=nonce))
    return kept


def test_code_goes_to_the_next_tester_of_the_same_text_only() -> None:
    kept = _learned("ready", "code", "compiled", "done")
    assert _code(kept) == b"\x01"
    assert _code(kept, "assert one() == 2") is None


def test_only_the_line_before_the_test_code_could_run_counts() -> None:
    assert _code(_learned("ready", "code", "code")) == b"\x01"
    assert _code(_learned("ready", "compiled", "code")) is None
    assert _code(_learned("code", "compiled")) is None
    assert _code(_learned("ready")) is None
    assert _code(_learned()) is None


def test_a_report_of_someone_else_teaches_nothing() -> None:
    assert _code(_learned("ready", "code", "compiled", nonce="0" * 32)) is None


def test_longest_unused_goes() -> None:
    kept = CompiledTests(most_bytes=100)
    for tests in ("1" * 40, "2" * 40, "3" * 40):
        if tests[0] == "3":
            assert _code(kept, "1" * 40) is not None  # used again
        plan = kept.known(_plan(tests))
        kept.learn(plan, _seen(plan, "ready", "code"))
    assert [_code(kept, digit * 40) is not None for digit in "123"] == [True, False, True]
